// The circuit breaker of one hook: after kBreakerFailures in a row it isn't called for kBreakerPause; then one call is a trial, and the
// next ones wait for its outcome.
//
// Owner and thread: whoever calls the hook. Time is given, never asked for.
#pragma once

#include "base/clock.hpp"

namespace madang {

inline constexpr unsigned kBreakerFailures = 20;
inline constexpr Millis kBreakerPause{2'000};

class Breaker {
  public:
    // May the hook be called now? A true while the breaker is open makes this call the trial.
    bool try_call(Tick now) {
        if (failures_ < kBreakerFailures) return true;
        if (now < again_at_) return false;
        again_at_ = now + kBreakerPause;  // a trial that is never heard of again counts as failed
        return true;
    }
    void on_success() { failures_ = 0; }
    void on_failure(Tick now) {
        if (failures_ < kBreakerFailures) ++failures_;
        if (failures_ == kBreakerFailures) again_at_ = now + kBreakerPause;
    }
    bool is_open() const { return failures_ == kBreakerFailures; }

  private:
    unsigned failures_ = 0;
    Tick again_at_{};
};

}  // namespace madang
