// Deadlines of many connections at the price of a list: no timer, no allocation for each of them. A deadline is looked at when its turn of
// the wheel comes, so it may be up to one step late and never early; one beyond the horizon is looked at on the way and put back.
//
// Owner: a Gateway. Thread: its loop's only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include <boost/intrusive/list.hpp>

#include "base/clock.hpp"

namespace madang::net {

using TimerHook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// Something with one deadline. Leaves its wheel by itself when it dies.
class Timed : public TimerHook {
  public:
    virtual ~Timed() = default;
    // The deadline has come, or may have: it is looked at early when it was set anew or lies beyond the horizon. Schedule again if not.
    virtual void on_time(Tick now) = 0;
};

class TimerWheel {
  public:
    static constexpr Tick kStep{50};
    static constexpr std::size_t kBuckets = 1'024;  // horizon: 51 s

    explicit TimerWheel(Tick now) : turned_to_(now.count() / kStep.count()) {}

    // Moves it if it is here already, or on another wheel.
    void schedule(Timed& timed, Tick at) {
        timed.unlink();
        const auto step = at.count() / kStep.count() + 1;
        buckets_[index(std::clamp(step, turned_to_ + 1, turned_to_ + std::int64_t{kBuckets} - 1))].push_back(timed);
    }

    // Calls on_time of everything whose step has come. They may schedule, and end themselves or others.
    void turn(Tick now) {
        const auto target = now.count() / kStep.count();
        // After a long sleep every bucket is visited once, not once for every step that was missed.
        if (target - turned_to_ > std::int64_t{kBuckets}) turned_to_ = target - std::int64_t{kBuckets};
        while (turned_to_ < target) {
            ++turned_to_;
            List due;
            due.splice(due.end(), buckets_[index(turned_to_)]);
            while (!due.empty()) {
                auto& timed = due.front();
                due.pop_front();
                timed.on_time(now);
            }
        }
    }

  private:
    using List = boost::intrusive::list<Timed, boost::intrusive::constant_time_size<false>>;

    static std::size_t index(std::int64_t step) { return static_cast<std::size_t>(step) % kBuckets; }

    std::array<List, kBuckets> buckets_;
    std::int64_t turned_to_;
};

}  // namespace madang::net
