#include "base/base64url.hpp"

#include <array>

#include <gtest/gtest.h>

namespace madang {
namespace {

using Six = std::array<std::uint8_t, 6>;

TEST(base64url, is_that_of_rfc_4648) {
    EXPECT_EQ(encode_base64url({}), "");
    EXPECT_EQ(encode_base64url(Six{'f', 'o', 'o', 'b', 'a', 'r'}), "Zm9vYmFy");
    EXPECT_EQ(encode_base64url(Six{0xFB, 0xFF, 0xBF, 0, 0, 0}), "-_-_AAAA");
}

TEST(base64url, comes_back_as_it_went) {
    Six out;
    ASSERT_TRUE(decode_base64url("-_-_AAAB", out));
    EXPECT_EQ(out, (Six{0xFB, 0xFF, 0xBF, 0, 0, 1}));
}

TEST(base64url, anything_else_is_refused) {
    Six out;
    for (const auto* text : {"", "Zm9v", "Zm9vYmFyZm9v", "Zm9vYmF", "Zm9vYmF=", "Zm9vYm+y", "Zm9vYm/y", "Zm9v mFy", "Zm9vYmF\xFF"})
        EXPECT_FALSE(decode_base64url(text, out)) << text;
}

}  // namespace
}  // namespace madang
