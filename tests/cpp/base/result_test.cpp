#include "base/result.hpp"

#include <set>

#include <gtest/gtest.h>

namespace madang::test {
namespace {

TEST(Codes, have_a_word_and_a_status_each) {
    std::set<std::string_view> words;
    for (int i = 0; i < kCodes; ++i) {
        const auto code = static_cast<Code>(i);
        words.insert(name_of(code));
        EXPECT_GE(http_status_of(code), 400) << name_of(code);
        EXPECT_LT(http_status_of(code), 600) << name_of(code);
        EXPECT_FALSE(name_of(code).empty());
    }
    EXPECT_EQ(words.size(), static_cast<std::size_t>(kCodes));
}

TEST(Codes, mean_what_the_protocol_says) {
    EXPECT_EQ(name_of(Code::not_a_member), "not_a_member");
    EXPECT_EQ(http_status_of(Code::bad_request), 400);
    EXPECT_EQ(http_status_of(Code::unauthenticated), 401);
    EXPECT_EQ(http_status_of(Code::not_found), 404);
    EXPECT_EQ(http_status_of(Code::client_id_reused), 409);
    EXPECT_EQ(http_status_of(Code::text_too_long), 413);
    EXPECT_EQ(http_status_of(Code::rate_limited), 429);
    EXPECT_EQ(name_of(Code::internal), "internal");
    EXPECT_EQ(http_status_of(Code::internal), 500);
    EXPECT_EQ(http_status_of(Code::unavailable), 503);
    EXPECT_EQ(http_status_of(Code::storage_full), 507);
}

TEST(AssertDeathTest, a_programmers_error_ends_the_process_with_its_place) {
    EXPECT_DEATH(MADANG_ASSERT(1 + 1 == 3), "result_test.cpp:[0-9]+: assertion failed: 1 \\+ 1 == 3");
    MADANG_ASSERT(1 + 1 == 2);
}

}  // namespace
}  // namespace madang::test
