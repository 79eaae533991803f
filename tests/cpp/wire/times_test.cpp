#include "wire/times.hpp"

#include <string>

#include <gtest/gtest.h>

#include "wire/json_writer.hpp"

namespace madang::wire {
namespace {

std::string again(std::string_view text) {
    const auto time = parse_time(text);
    if (!time) return "none";
    std::string out;
    append_time(out, *time);
    return out;
}

TEST(times, what_the_server_writes_it_reads) {
    EXPECT_EQ(again("2026-01-31T09:05:00.007Z"), "\"2026-01-31T09:05:00.007Z\"");
    EXPECT_EQ(again("0000-01-01T00:00:00.000Z"), "\"0000-01-01T00:00:00.000Z\"");
    EXPECT_EQ(again("9999-12-31T23:59:59.999Z"), "\"9999-12-31T23:59:59.999Z\"");
}

TEST(times, every_form_of_rfc_3339_is_read) {
    EXPECT_EQ(again("2026-01-31T09:05:00Z"), "\"2026-01-31T09:05:00.000Z\"");
    EXPECT_EQ(again("2026-01-31t09:05:00z"), "\"2026-01-31T09:05:00.000Z\"");
    EXPECT_EQ(again("2026-01-31T09:05:00.5Z"), "\"2026-01-31T09:05:00.500Z\"");
    EXPECT_EQ(again("2026-01-31T09:05:00.123456789Z"), "\"2026-01-31T09:05:00.123Z\"");
    EXPECT_EQ(again("2026-01-31T18:05:00+09:00"), "\"2026-01-31T09:05:00.000Z\"");
    EXPECT_EQ(again("2026-01-30T23:35:00-09:30"), "\"2026-01-31T09:05:00.000Z\"");
    EXPECT_EQ(again("2016-12-31T23:59:60Z"), "\"2017-01-01T00:00:00.000Z\"");
    EXPECT_EQ(again("2024-02-29T00:00:00Z"), "\"2024-02-29T00:00:00.000Z\"");
}

TEST(times, anything_else_is_none) {
    for (const auto* text : {"",
                             "now",
                             "2026-01-31",
                             "2026-01-31T09:05:00",
                             "2026-01-31T09:05Z",
                             "2026-01-31 09:05:00Z",
                             "2026-02-29T00:00:00Z",
                             "2026-13-01T00:00:00Z",
                             "2026-00-01T00:00:00Z",
                             "2026-01-32T00:00:00Z",
                             "2026-01-31T24:00:00Z",
                             "2026-01-31T09:60:00Z",
                             "2026-01-31T09:05:61Z",
                             "2026-01-31T09:05:00.Z",
                             "2026-01-31T09:05:00+9:00",
                             "2026-01-31T09:05:00+0900",
                             "2026-01-31T09:05:00+24:00",
                             "2026-01-31T09:05:00Zx",
                             " 2026-01-31T09:05:00Z",
                             "+026-01-31T09:05:00Z",
                             "1769850300007"})
        EXPECT_FALSE(parse_time(text)) << text;
}

}  // namespace
}  // namespace madang::wire
