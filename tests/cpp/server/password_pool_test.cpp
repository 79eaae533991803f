#include "server/password_pool.hpp"

#include <future>

#include <gtest/gtest.h>

#include "base/digest.hpp"

namespace madang::server {
namespace {

using namespace std::chrono_literals;

class PasswordPoolTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { init_crypto(); }
};

// Keeps the first answer; any thread.
struct FirstAnswer {
    std::promise<PasswordAnswer> promise;
    std::future<PasswordAnswer> future = promise.get_future();

    PasswordPool::Deliver deliver() {
        return [this](std::uint32_t, PasswordAnswer answer) { promise.set_value(std::move(answer)); };
    }
    PasswordAnswer get() { return future.wait_for(10s) == std::future_status::ready ? future.get() : PasswordAnswer{}; }
};

PasswordAnswer ask(PasswordJob job) {
    FirstAnswer first;
    PasswordPool pool{1, 4, first.deliver()};
    EXPECT_TRUE(pool.try_post(std::move(job)));
    return first.get();
}

TEST_F(PasswordPoolTest, made_hash_verifies_and_another_password_does_not) {
    const auto made = ask({.loop = 0, .waiter = 7, .password = "correct horse", .hash = {}});
    EXPECT_EQ(made.waiter, 7u);
    EXPECT_TRUE(ask({.loop = 0, .waiter = 1, .password = "correct horse", .hash = made.hash}).verified);
    EXPECT_FALSE(ask({.loop = 0, .waiter = 1, .password = "battery staple", .hash = made.hash}).verified);
}

TEST_F(PasswordPoolTest, full_queue_refuses) {
    std::promise<void> begun, may_end;
    auto end = may_end.get_future().share();
    std::atomic<int> answers = 0;
    PasswordPool pool{1, 2, [&](std::uint32_t, PasswordAnswer) {
                          if (answers++ == 0) begun.set_value();
                          end.wait_for(10s);
                      }};
    const PasswordJob job{.loop = 0, .waiter = 1, .password = "password", .hash = {}};
    ASSERT_TRUE(pool.try_post(job));
    ASSERT_EQ(begun.get_future().wait_for(10s), std::future_status::ready);
    EXPECT_TRUE(pool.try_post(job));
    EXPECT_TRUE(pool.try_post(job));
    EXPECT_FALSE(pool.try_post(job));
    EXPECT_EQ(pool.figures().refused, 1u);
    EXPECT_EQ(pool.figures().waiting, 2u);
    EXPECT_GT(pool.retry_after(), 0ms);
    may_end.set_value();
}

}  // namespace
}  // namespace madang::server
