#include "base/text.hpp"

#include <string>

#include <gtest/gtest.h>

namespace madang::test {
namespace {

using namespace std::string_literals;

// The plainest possible decoder, to compare with.
bool is_utf8_slowly(std::string_view bytes) {
    std::size_t at = 0;
    const auto byte = [&](std::size_t i) -> std::uint32_t { return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0; };
    while (at < bytes.size()) {
        std::uint32_t size = byte(0) < 0x80 ? 1 : byte(0) >> 5 == 6 ? 2 : byte(0) >> 4 == 14 ? 3 : byte(0) >> 3 == 30 ? 4 : 0;
        if (size == 0) return false;
        std::uint32_t c = size == 1 ? byte(0) : byte(0) & (0x7F >> size);
        for (std::uint32_t i = 1; i < size; ++i) {
            if (byte(i) >> 6 != 2) return false;
            c = c << 6 | (byte(i) & 0x3F);
        }
        const std::uint32_t least = size == 1 ? 0 : size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
        if (c < least || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return false;
        at += size;
    }
    return true;
}

TEST(Utf8, agrees_with_a_plain_decoder_on_every_short_sequence) {
    // Every two bytes, alone and behind seven others; every lead with the edges of the bytes that follow.
    for (int a = 0; a < 256; ++a)
        for (int b = 0; b < 256; ++b) {
            const std::string two{static_cast<char>(a), static_cast<char>(b)};
            ASSERT_EQ(is_utf8(two), is_utf8_slowly(two)) << a << " " << b;
            ASSERT_EQ(is_utf8("seven.." + two), is_utf8_slowly("seven.." + two)) << a << " " << b;
            for (const int c : {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF})
                for (const int d : {0x00, 0x7F, 0x80, 0xBF, 0xC0}) {
                    const std::string four{static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)};
                    ASSERT_EQ(is_utf8(four), is_utf8_slowly(four)) << a << " " << b << " " << c << " " << d;
                }
        }
}

TEST(Utf8, counts_code_points_not_bytes_nor_glyphs) {
    EXPECT_EQ(code_points(""), 0u);
    EXPECT_EQ(code_points("abc"), 3u);
    EXPECT_EQ(code_points("안녕"), 2u);
    EXPECT_EQ(code_points("\U0001F468\u200D\U0001F469"), 3u);
    EXPECT_EQ(code_points("a\0b"s), 3u);
}

std::string folded(std::string_view username) {
    const auto result = fold_username(username);
    if (!result) {
        EXPECT_EQ(result.error().code, Code::bad_request);
        return "refused";
    }
    // Folding what is folded changes nothing, or one name could be taken twice.
    EXPECT_EQ(fold_username(*result), result) << username;
    return *result;
}

TEST(Usernames, are_compared_without_case_and_in_one_normal_form) {
    EXPECT_EQ(folded("Alice"), "alice");
    EXPECT_EQ(folded("ÉTÉ"), folded("e\u0301te\u0301"));
    EXPECT_EQ(folded("Straße"), folded("STRASSE"));
    EXPECT_EQ(folded("Ａｌｉｃｅ"), "alice") << "full width";
    EXPECT_EQ(folded("ΣΊΣΥΦΟΣ"), folded("σίσυφος"));
    EXPECT_EQ(folded("a_b.c-9"), "a_b.c-9");
}

TEST(Usernames, of_korean_are_one_whether_typed_as_syllables_or_letters) {
    const std::string syllables = "홍길동";
    const std::string letters = "\u1112\u1169\u11BC\u1100\u1175\u11AF\u1103\u1169\u11BC";
    EXPECT_EQ(folded(syllables), syllables);
    EXPECT_EQ(folded(letters), syllables);
    std::string long_name;
    for (int i = 0; i < 32; ++i) long_name += "\u1112\u1169\u11BC";
    EXPECT_NE(folded(long_name), "refused") << "32 syllables, though 96 letters";
    EXPECT_EQ(folded(long_name + "\u1112\u1169"), "refused");
}

TEST(Usernames, may_be_of_any_script) {
    for (const auto* name : {"Дмитрий", "日本太郎", "हिन्दी", "ไทย", "مريم", "שרה", "Nguyễn", "٣٤٥"})
        EXPECT_NE(folded(name), "refused") << name;
}

TEST(Usernames, have_one_to_thirty_two_characters) {
    EXPECT_EQ(folded(""), "refused");
    EXPECT_EQ(folded("x"), "x");
    EXPECT_NE(folded(std::string(32, 'x')), "refused");
    EXPECT_EQ(folded(std::string(33, 'x')), "refused");
    EXPECT_EQ(folded(std::string(100'000, 'x')), "refused");
}

TEST(Usernames, all_is_reserved_in_every_spelling) {
    for (const auto* name : {"all", "ALL", "All", "ａｌｌ", "ᴀll"}) {
        const bool looks_alike_only = std::string_view(name) == "ᴀll";  // another letter: a name like any other
        EXPECT_EQ(folded(name) == "refused", !looks_alike_only) << name;
    }
    EXPECT_EQ(folded("all_of_us"), "all_of_us");
}

TEST(Usernames, other_characters_are_refused) {
    for (const auto* name : {"a b", "a@b", "a/b", "a\nb", "a,b", "🙂", "a\u200Bb", "a\u200Db", "a\u00ADb", "a\u202Eb", "\uFEFFa",
                             "a\u3164b", "a\uFE0Fb", "\u0301a", "a\u2028b", "½", "Ⅷ", "a\u00A0b", "\uFDFA"})
        EXPECT_EQ(folded(name), "refused") << name;
    EXPECT_EQ(folded("a\0b"s), "refused");
    EXPECT_EQ(folded("\xFF"), "refused");
    EXPECT_EQ(folded("a\xC3"), "refused");
}

}  // namespace
}  // namespace madang::test
