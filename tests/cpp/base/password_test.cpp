#include "base/password.hpp"

#include <ctime>

#include <gtest/gtest.h>

#include "base/digest.hpp"

namespace madang::test {
namespace {

class Password : public testing::Test {
  protected:
    static void SetUpTestSuite() { init_crypto(); }
};

TEST_F(Password, a_hash_takes_its_password_and_no_other) {
    const auto hash = hash_password("correct horse");
    EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << hash;
    EXPECT_TRUE(verify_password("correct horse", hash));
    EXPECT_FALSE(verify_password("correct horsf", hash));
    EXPECT_FALSE(verify_password("", hash));
    EXPECT_FALSE(verify_password(std::string_view("correct horse\0", 14), hash));
}

TEST_F(Password, two_hashes_of_one_password_differ) { EXPECT_NE(hash_password("password"), hash_password("password")); }

TEST_F(Password, what_is_not_a_hash_is_never_right) {
    for (const auto* hash : {"", "password", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$AAAA", "$2b$12$abc"})
        EXPECT_FALSE(verify_password("password", hash)) << hash;
    EXPECT_FALSE(verify_password("password", std::string(1000, '$')));
}

TEST_F(Password, an_unknown_user_takes_as_long_as_a_known_one) {
    // Of the processor: what else the machine does costs no time then.
    const auto time_of = [](std::string_view hash) {
        timespec before{}, after{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        for (int i = 0; i < 5; ++i) EXPECT_FALSE(verify_password("wrong", hash));
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        return static_cast<double>(after.tv_sec - before.tv_sec) + static_cast<double>(after.tv_nsec - before.tv_nsec) * 1e-9;
    };
    const auto known = time_of(hash_password("right"));
    EXPECT_GT(time_of(""), known / 3);
}

}  // namespace
}  // namespace madang::test
