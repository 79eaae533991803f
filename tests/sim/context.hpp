// What every part of a simulated world shares. Owned by the world; outlives all parts.
#pragma once

#include "dice.hpp"
#include "plan.hpp"
#include "schedule.hpp"
#include "trace.hpp"

namespace madang::sim {

struct Context {
    const Plan& plan;
    Dice& dice;
    Schedule& schedule;
    Trace& trace;
    bool calm = false;        // faults have stopped, people only finish what they began
    bool is_at_rest = false;  // calm, and all that was begun is done
    bool is_bus_bad = false;  // though it is calm otherwise
    Micros stalled_until{};   // a slow disk and bus until then

    // A latency up to `max`, mostly small.
    Micros latency(Micros max) {
        auto top = dice.chance(0.1) ? max : max / 4;
        return dice.between(Micros{20}, std::max(top, Micros{21}));
    }
    Micros stall() const { return std::max(stalled_until - schedule.now(), Micros{0}); }
    bool bus_fault(double p) { return (!calm || is_bus_bad) && dice.chance(p); }
    bool fault(double p) { return !calm && dice.chance(p); }
};

}  // namespace madang::sim
