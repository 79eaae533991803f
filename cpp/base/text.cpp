#include "base/text.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include <utf8proc.h>

namespace madang {
namespace {

constexpr std::size_t kUsernameChars = 32;
constexpr std::size_t kUsernameBytesMax = 1024;  // far above 32 decomposed letters; bounds the work on hostile input

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};

// Length of the well-formed multi-byte sequence at `p` (RFC 3629, table 3-7 of the Unicode standard); 0 = ill-formed.
std::size_t sequence_length(const unsigned char* p, std::size_t left) noexcept {
    const auto tail = [&](std::size_t at, unsigned char low = 0x80, unsigned char high = 0xBF) {
        return at < left && p[at] >= low && p[at] <= high;
    };
    const auto lead = p[0];
    if (lead < 0xC2 || lead > 0xF4) return 0;
    if (lead < 0xE0) return tail(1) ? 2 : 0;
    if (lead < 0xF0) {
        const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned char high = lead == 0xED ? 0x9F : 0xBF;
        return tail(1, low, high) && tail(2) ? 3 : 0;
    }
    const unsigned char low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xF4 ? 0x8F : 0xBF;
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
}

std::optional<std::string> map(std::string_view text, int options) {
    utf8proc_uint8_t* mapped = nullptr;
    const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                                   &mapped, static_cast<utf8proc_option_t>(options));
    const std::unique_ptr<utf8proc_uint8_t, Free> owner(mapped);
    if (size < 0) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

bool is_letter_or_digit(utf8proc_int32_t c, bool first) {
    switch (utf8proc_category(c)) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
        case UTF8PROC_CATEGORY_ND: return true;
        // Vowel signs and tone marks: no word of Hindi or Thai can be written without them, and they stand after a letter.
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_MC: return !first;
        default: return false;
    }
}

bool is_ascii_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// Bytes of the username's characters at the beginning of `text`.
std::size_t name_bytes(std::string_view text) {
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    auto left = static_cast<utf8proc_ssize_t>(text.size());
    for (bool first = true; left > 0; first = false) {
        utf8proc_int32_t c = 0;
        const auto size = utf8proc_iterate(at, left, &c);
        if (size <= 0) break;
        if (c != '_' && c != '.' && c != '-' && !is_letter_or_digit(c, first)) break;
        // Invisible in every font, and folding drops it: two names that look the same.
        if (utf8proc_get_property(c)->ignorable) break;
        at += size;
        left -= size;
    }
    return text.size() - static_cast<std::size_t>(left);
}

bool has_only_name_chars(std::string_view text) { return name_bytes(text) == text.size(); }

constexpr int kFolding = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;

}  // namespace

bool is_utf8(std::string_view bytes) noexcept {
    const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t left = bytes.size();
    while (left > 0) {
        // Most text is ASCII: eight bytes at a step.
        std::uint64_t word;
        while (left >= sizeof word) {
            std::memcpy(&word, p, sizeof word);
            if (word & 0x8080808080808080ull) break;
            p += sizeof word;
            left -= sizeof word;
        }
        if (left == 0) break;
        const std::size_t size = *p < 0x80 ? 1 : sequence_length(p, left);
        if (size == 0) return false;
        p += size;
        left -= size;
    }
    return true;
}

std::size_t code_points(std::string_view text) noexcept {
    std::size_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return count;
}

Result<std::string> fold_username(std::string_view username) {
    const auto bad = [] { return fail(Code::bad_request, "a username is 1 to 32 letters or digits, '_', '.' or '-'"); };
    if (username.empty() || username.size() > kUsernameBytesMax || !is_utf8(username) || !has_only_name_chars(username)) return bad();
    // Counted composed: a Korean syllable typed as three letters is one character.
    const auto composed = map(username, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (!composed || code_points(*composed) > kUsernameChars) return bad();
    auto folded = map(username, kFolding);
    if (!folded || folded->empty() || !has_only_name_chars(*folded)) return bad();
    if (*folded == "all") return fail(Code::bad_request, "the username 'all' is reserved");
    return std::move(*folded);
}

std::string_view leading_name(std::string_view text) noexcept {
    // Most names are ASCII, and so is what follows them.
    std::size_t ascii = 0;
    while (ascii < text.size() && (is_ascii_word(text[ascii]) || text[ascii] == '.' || text[ascii] == '-')) ++ascii;
    const bool ends_here = ascii == text.size() || static_cast<unsigned char>(text[ascii]) < 0x80;
    return text.substr(0, ends_here ? ascii : name_bytes(text));
}

bool ends_in_word(std::string_view text) noexcept {
    if (text.empty()) return false;
    if (static_cast<unsigned char>(text.back()) < 0x80) return is_ascii_word(text.back());
    auto begin = text.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    utf8proc_int32_t c = 0;
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data() + begin);
    return utf8proc_iterate(at, static_cast<utf8proc_ssize_t>(text.size() - begin), &c) > 0 && is_letter_or_digit(c, false);
}

std::string fold_name(std::string_view name) {
    std::string folded;
    folded.reserve(name.size());
    for (const char c : name) {
        if (static_cast<unsigned char>(c) >= 0x80) return map(name, kFolding).value_or(std::string{});
        folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return folded;
}

}  // namespace madang
