// Time is injected: the server runs on SystemClock, tests and the simulator on ManualClock, tests against a whole server on MovableClock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace madang {

using Millis = std::chrono::milliseconds;
// Wall time, UTC, in whole milliseconds. For display, expiry and ids; never for order.
using Time = std::chrono::sys_time<Millis>;
// Monotonic time since an arbitrary start. For timers.
using Tick = std::chrono::duration<std::int64_t, std::milli>;

class Clock {
  public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;   // any thread
    virtual Tick tick() const = 0;  // any thread; never goes back
};

class SystemClock final : public Clock {
  public:
    Time now() const override { return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()); }
    Tick tick() const override { return std::chrono::duration_cast<Tick>(std::chrono::steady_clock::now().time_since_epoch()); }
};

// Real time and by how much it was moved, for tests against a whole server. Any thread.
class MovableClock final : public Clock {
  public:
    explicit MovableClock(Millis ahead) : ahead_ms_(ahead.count()) {}
    Time now() const override { return system_.now() + ahead(); }
    Tick tick() const override { return system_.tick() + ahead(); }
    void advance(Millis by) { ahead_ms_ += by.count(); }  // never back
    Millis ahead() const { return Millis{ahead_ms_.load()}; }

  private:
    SystemClock system_;
    std::atomic<std::int64_t> ahead_ms_;
};

// Stands still until it is told to move. External synchronisation.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(Time start) : now_(start) {}
    Time now() const override { return now_; }
    Tick tick() const override { return tick_; }
    void advance(Millis by) { now_ += by, tick_ += by; }
    void set_wall(Time now) { now_ = now; }  // may go back: wall clocks do

  private:
    Time now_;
    Tick tick_{0};
};

}  // namespace madang
