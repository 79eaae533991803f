// Pushes that are due, on their way to the plugins. The table `push_outbox` has them all; here are those that come next. A row is read
// (its message as it is now), handed out, one call for each target, and ends when every target has it, or waits for its next attempt:
// 1 s, doubling to 10 min, with jitter; later if a provider says so. A breaker for each plugin keeps rows from being handed to one that
// fails; that costs them no attempt.
//
// What is not in memory is found by sweeping the table, page by page, when what is known here to be due beyond has come. A page was read a
// moment ago: rows that ended meanwhile, or are here already, are not taken from it, so that none is handed out twice.
//
// Owner and thread: the users' engine's. It reads and writes nothing: the engine does what take_due(), sweep() and Ended say.
// Limits: Limits::push_in_memory rows wait in memory (those that are due first), kFlightsMax are being handed out, with kFlightBytes of
// texts; all others wait on the disk. A sweep looks at kSweepRows rows a page, and at no more than kSweepRowsPerSecond.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "hooks/breaker.hpp"
#include "hooks/push.hpp"
#include "store/push_records.hpp"

namespace madang {

// Of one plugin, since start: notifications.
struct PushFigures {
    std::uint64_t sent = 0, gone = 0, retried = 0, errors = 0;
    std::uint64_t late = 0;     // no answer by the deadline
    std::uint64_t refused = 0;  // the mailbox was full
    bool is_open = false;       // the breaker
};

class PushOutbox {
  public:
    static constexpr std::size_t kFlightsMax = 256;
    static constexpr std::size_t kReadMax = 64;
    static constexpr std::size_t kFlightBytes = 4 << 20;
    static constexpr std::uint32_t kSweepRows = 2'000;
    static constexpr std::uint32_t kSweepRowsPerSecond = 10'000;
    static constexpr std::size_t kEndedMax = 10'000;

    PushOutbox(std::vector<PushRule> rules, const Limits& limits) : rules_(std::move(rules)), plugins_(rules_.size()), limits_(limits) {}

    const std::vector<PushRule>& rules() const { return rules_; }
    bool is_on() const { return !rules_.empty(); }

    // A new row is in this turn's batch.
    void add(const PushKey& key, Push push, Time wall, Tick now);

    // Rows to be read now, at most kReadMax; they are in flight from then on, until again() or end().
    std::vector<PushKey> take_due(Tick now);
    // In flight; null = not. Stale: its message was changed since it was read.
    const Push* in_flight(const PushKey& key) const;
    bool is_stale(const PushKey& key) const;
    void on_message_changed(const PushKey& key);
    // Back to be read, not before `at`; costs no attempt.
    void again(const PushKey& key, Tick at);
    // The row goes without another call.
    void end(const PushKey& key);

    // The calls for these targets; for those whose plugin's breaker is open there is none. No call at all: the row waits for the breaker.
    struct Target {
        std::uint32_t rule = 0;
        DeviceId device;
        PushRegistration registration;
    };
    std::vector<PushCall> hand_out(const PushKey& key, const std::vector<Target>& targets, const PushCall& common, Tick now);

    // What an answer, or none in time, has led to. One of the last three when nothing of the row is out any more.
    struct Ended {
        enum class What : std::uint8_t { goes_on, sent, retries, dead };
        What what = What::goes_on;
        PushKey key;
        Push push;  // retries and dead: as it is to be stored
        DeadReason reason = DeadReason::age;
        DeviceId gone;                  // the provider knows this registration no more
        PushRegistration registration;  // which was that one
    };
    std::optional<Ended> on_answer(std::uint64_t number, const Delivered& delivered, Time wall, Tick now);
    // The mailbox had no room.
    std::optional<Ended> on_refused(std::uint64_t number, Time wall, Tick now);
    std::vector<Ended> end_late(Time wall, Tick now);

    // ---- the table
    // Where to read on, if it is time: rows from this key on, due by then. One page at a time; on_swept follows.
    struct Sweep {
        std::optional<PushKey> from;  // none = from the first
        Time due_by{};
        std::uint32_t limit = 0;
    };
    std::optional<Sweep> sweep(Time wall, Tick now);
    struct Swept {
        std::vector<std::pair<PushKey, Push>> due;
        std::optional<PushKey> next;   // none = the table ends here
        std::optional<Time> next_due;  // of the rows that were passed over: the first
        std::uint32_t looked_at = 0;
        bool failed = false;
    };
    void on_swept(const Swept& page, Time wall, Tick now);

    bool has_flights() const { return !flights_.empty(); }
    std::optional<Tick> first_due() const;  // as far as it is known
    std::size_t in_memory() const { return window_.size() + flights_.size(); }
    std::vector<PushFigures> figures() const;

  private:
    struct Waiting {
        Push push;
        Tick due;
    };
    struct Flight {
        Push push;
        bool is_read = false;
        bool stale = false;
        std::size_t bytes = 0;
        std::size_t calls = 0;    // without an answer
        bool unfinished = false;  // some target is to be tried again
        bool failed = false;      // some call has
        bool changed = false;     // some target is done since it was written
        Millis after{0};          // as the providers say
    };
    struct Call {
        PushKey key;
        std::uint32_t rule = 0;
        DeviceId device;
        PushRegistration registration;
        Tick deadline{};
    };
    struct Plugin {
        Breaker breaker;
        PushFigures figures;
    };

    void put(const PushKey& key, Push push, Tick due);
    void is_beyond(Tick due) { beyond_ = beyond_ ? std::min(*beyond_, due) : due; }
    bool can_read(Tick now) const;
    Tick tick_of(Time due, Time wall, Tick now) const;
    void note_ended(const PushKey& key);
    std::optional<Call> take_call(std::uint64_t number);
    std::optional<Ended> on_failure(std::uint64_t number, std::string why, Millis after, bool counts, Time wall, Tick now);
    Ended one_less(const Call& call, Time wall, Tick now);
    std::map<PushKey, Flight>::iterator land(const PushKey& key);
    Millis pause_after(const PushKey& key, const Push& push) const;

    std::vector<PushRule> rules_;
    std::vector<Plugin> plugins_;
    const Limits& limits_;
    std::map<PushKey, Waiting> window_;
    std::set<std::pair<Tick, PushKey>> by_due_;  // the same
    std::map<PushKey, Flight> flights_;
    std::size_t flight_bytes_ = 0;
    std::size_t reading_ = 0;  // flights that are not read yet
    std::unordered_map<std::uint64_t, Call> calls_;
    std::set<std::pair<Tick, std::uint64_t>> deadlines_;
    std::uint64_t last_number_ = 0;

    std::optional<Tick> beyond_ = Tick::min();  // when the first row is due that may not be in memory; none = all are in memory
    bool is_sweeping_ = false;                  // somewhere in the table
    bool is_page_out_ = false;
    std::optional<PushKey> sweep_from_;
    Tick sweep_at_ = Tick::min();  // the next page not before
    std::set<PushKey> ended_;      // or changed, since the page that is out was asked for
};

}  // namespace madang
