#include "wire/json_writer.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace madang::wire {
namespace {

std::string string_json(std::string_view text) {
    std::string out;
    append_string(out, text);
    return out;
}

std::string time_json(Time time) {
    std::string out;
    append_time(out, time);
    return out;
}

TEST(json_writer, escapes_quotes_backslashes_and_control_characters) {
    EXPECT_EQ(string_json("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(string_json("\b\f\n\r\t"), R"("\b\f\n\r\t")");
    EXPECT_EQ(string_json(std::string_view("\0\x01\x1f", 3)), R"("\u0000\u0001\u001f")");
    EXPECT_EQ(string_json("/\x7f"), "\"/\x7f\"");
}

TEST(json_writer, every_single_byte_character_survives_at_every_offset_of_a_word) {
    for (int byte = 0; byte < 0x80; ++byte) {
        for (std::size_t before = 0; before < 20; ++before) {
            const auto text = std::string(before, 'x') + static_cast<char>(byte) + std::string(20 - before, 'y');
            ASSERT_EQ(nlohmann::json::parse(string_json(text)).get<std::string>(), text) << byte << " at " << before;
        }
    }
}

TEST(json_writer, text_of_any_script_goes_out_unescaped) {
    const std::string text = "안녕하세요 😀 Ω\u2028é";
    EXPECT_EQ(string_json(text), '"' + text + '"');
}

TEST(json_writer, a_hundred_thousand_korean_characters_survive) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "한";
    const auto json = string_json(text);
    EXPECT_EQ(json.size(), 300'002u);
    EXPECT_EQ(nlohmann::json::parse(json).get<std::string>(), text);
}

TEST(json_writer, times_are_rfc_3339_in_utc_with_milliseconds) {
    EXPECT_EQ(time_json(Time{}), R"("1970-01-01T00:00:00.000Z")");
    EXPECT_EQ(time_json(Time{Millis{1'769'850'300'007}}), R"("2026-01-31T09:05:00.007Z")");
    EXPECT_EQ(time_json(Time{Millis{-1}}), R"("1969-12-31T23:59:59.999Z")");
}

TEST(json_writer, times_beyond_four_digit_years_are_cut) {
    EXPECT_EQ(time_json(Time::max()), R"("9999-12-31T23:59:59.999Z")");
    EXPECT_EQ(time_json(Time::min()), R"("0000-01-01T00:00:00.000Z")");
}

TEST(json_writer, ids_are_strings_and_numbers_are_not) {
    std::string out;
    append_id(out, UserId{18'446'744'073'709'551'615u});
    append_number(out, 18'446'744'073'709'551'615u);
    EXPECT_EQ(out, "\"18446744073709551615\"18446744073709551615");
}

}  // namespace
}  // namespace madang::wire
