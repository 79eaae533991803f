// Virtual time: everything that will happen in a run, in order of time, then of having been scheduled. The server's clock follows it.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "dice.hpp"

namespace madang::sim {

class Schedule {
  public:
    using Act = std::move_only_function<void()>;

    explicit Schedule(Time wall) : clock_(wall) {}

    void after(Micros delay, Act act) {
        heap_.push_back({now_ + std::max(delay, Micros{0}), ++order_, std::move(act)});
        std::ranges::push_heap(heap_, later);
    }
    // False: nothing is left to do.
    bool run_one() {
        if (heap_.empty()) return false;
        std::ranges::pop_heap(heap_, later);
        auto item = std::move(heap_.back());
        heap_.pop_back();
        clock_.advance(std::chrono::floor<Millis>(item.when) - std::chrono::floor<Millis>(now_));
        now_ = item.when;
        item.act();
        return true;
    }
    Micros now() const { return now_; }
    ManualClock& clock() { return clock_; }
    std::uint64_t scheduled() const { return order_; }

  private:
    struct Item {
        Micros when;
        std::uint64_t order;
        Act act;
    };
    static bool later(const Item& a, const Item& b) { return std::pair{a.when, a.order} > std::pair{b.when, b.order}; }

    ManualClock clock_;
    Micros now_{0};
    std::uint64_t order_ = 0;
    std::vector<Item> heap_;
};

// What an owner schedules through this dies with it: a crashed process does nothing any more.
class Lifetime {
  public:
    explicit Lifetime(Schedule& schedule) : schedule_(schedule), token_(std::make_shared<char>()) {}

    template <typename Act>
    void after(Micros delay, Act act) {
        schedule_.after(delay, [alive = std::weak_ptr<char>(token_), act = std::move(act)]() mutable {
            if (!alive.expired()) act();
        });
    }

  private:
    Schedule& schedule_;
    std::shared_ptr<char> token_;
};

}  // namespace madang::sim
