#include "hooks/breaker.hpp"

#include <gtest/gtest.h>

namespace madang {
namespace {

Breaker broken_at(Tick now) {
    Breaker breaker;
    for (unsigned i = 0; i < kBreakerFailures; ++i) breaker.on_failure(now);
    return breaker;
}

TEST(BreakerTest, opens_after_failures_in_a_row_only) {
    Breaker breaker;
    for (unsigned i = 0; i + 1 < kBreakerFailures; ++i) breaker.on_failure(Tick{0});
    breaker.on_success();
    for (unsigned i = 0; i + 1 < kBreakerFailures; ++i) breaker.on_failure(Tick{0});
    EXPECT_TRUE(breaker.try_call(Tick{0}));
    breaker.on_failure(Tick{0});
    EXPECT_TRUE(breaker.is_open());
    EXPECT_FALSE(breaker.try_call(Tick{0}));
}

TEST(BreakerTest, tries_again_with_one_call_after_the_pause) {
    auto breaker = broken_at(Tick{100});
    EXPECT_FALSE(breaker.try_call(Tick{100} + kBreakerPause - Tick{1}));
    EXPECT_TRUE(breaker.try_call(Tick{100} + kBreakerPause));
    EXPECT_FALSE(breaker.try_call(Tick{100} + kBreakerPause));
    breaker.on_success();
    EXPECT_TRUE(breaker.try_call(Tick{100} + kBreakerPause));
    EXPECT_FALSE(breaker.is_open());
}

TEST(BreakerTest, a_failed_trial_begins_the_pause_anew) {
    auto breaker = broken_at(Tick{0});
    ASSERT_TRUE(breaker.try_call(kBreakerPause));
    breaker.on_failure(kBreakerPause + Tick{200});
    EXPECT_FALSE(breaker.try_call(2 * kBreakerPause));
    EXPECT_TRUE(breaker.try_call(2 * kBreakerPause + Tick{200}));
}

}  // namespace
}  // namespace madang
