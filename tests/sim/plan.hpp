// What a seed decides beforehand: how large, how hostile, how cold. Immutable.
#pragma once

#include <cstdint>
#include <vector>

#include "base/limits.hpp"
#include "dice.hpp"
#include "hooks/push.hpp"
#include "hooks/verdict.hpp"

namespace madang::sim {

using namespace std::chrono_literals;

enum class Temper : std::uint8_t { calm, mild, hostile };

struct Plan {
    std::uint64_t seed = 0;
    Temper temper = Temper::calm;
    unsigned engines = 1;
    unsigned people = 4;  // beside one stranger
    unsigned devices_max = 2;
    Micros active = 2s;   // people do things for that long, and faults happen
    Micros think = 40ms;  // mean pause between two acts of a device
    Limits limits;

    // The shell.
    unsigned turn_events_max = 8;
    unsigned in_flight_max = 1;  // turns; 1 = the loop commits itself
    Micros turn_max = 200us;
    Micros commit_max = 1ms;
    double in_doubt = 0;
    Micros read_max = 2ms;
    // The bus.
    double bus_lost = 0;
    double bus_repeated = 0;
    Micros bus_max = 500us;
    // The clients' network.
    Micros latency_max = 3ms;
    double cut = 0;             // of frames: the connection breaks
    double lost = 0;            // of HTTP requests, and of their answers
    double signal_dropped = 0;  // of signals: the socket's queue is half full
    double slow_drain = 0;      // of catch-up pages: read late
    Micros timeout = 1500ms;
    // The plugins that check messages.
    std::vector<CheckRule> checks;  // empty: none
    Micros verdict_max = 5ms;
    double verdict_lost = 0;
    double verdict_late = 0;
    double verdict_error = 0;
    double mailbox_full = 0;
    // The plugins that listen to the committed feed; the second one is new in the second life of the server.
    unsigned ears = 0;
    double feed_failed = 0;
    double feed_late = 0;
    double feed_unread = 0;  // of the feed's own reads
    // The plugins that push.
    std::vector<PushRule> pushes;  // empty: none
    Micros push_max = 5ms;
    double push_lost = 0;
    double push_fails = 0;    // raises, or says retry
    double push_gone = 0;     // of hand-outs with a registration
    double push_refused = 0;  // the mailbox is full
    double reviews = 0;       // per second: what waits for review is looked at, and some of it decided
    // The process.
    unsigned crashes = 0;
    bool drains = false;          // one stop in good order, too
    bool engines_change = false;  // at a restart
    double wall_steps_back = 0;   // per second, and at a restart
    double disabled = 0;          // per second: an account is disabled for a while
    unsigned deletions = 0;       // accounts that are deleted by their people
    double disk_full = 0;         // per second
    double read_errors = 0;       // of reads by the pool
    double stalls = 0;            // per second: a slow disk or bus for a while
};

Plan make_plan(std::uint64_t seed);

}  // namespace madang::sim
