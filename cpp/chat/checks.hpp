// Sends that wait for the verdicts of plugins. Each plugin is a stage: a send is put to one after the other, first deny wins, what one has
// modified the next one gets; where nobody denies, the first hold or shadow stands. Calls go out at once; what follows from the verdicts
// happens per sender and conversation in the order in which the sends came, so that a plugin's timing never turns two messages of one
// sender round.
//
// Owner and thread: one engine's. It stores nothing: the engine appends what ready() gives it.
// Limits: kSendsWithoutVerdict per lane; the engine bounds the sum. A repeat of a waiting send waits with it, up to kRepeatsWaiting.
// Errors: a stage that fails, is late, can't be reached or whose breaker is open is decided by its rule: `allow` goes on to the next stage,
// `deny` answers plugin_unavailable, `hold` keeps the message for review. An edit can be neither held nor shadowed: that denies it. A
// verdict that nobody waits for any more is counted and dropped.
#pragma once

#include <compare>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/digest.hpp"
#include "chat/requests.hpp"
#include "hooks/breaker.hpp"
#include "hooks/verdict.hpp"

namespace madang {

inline constexpr std::size_t kSendsWithoutVerdict = 64;
inline constexpr std::size_t kRepeatsWaiting = 64;

// One sender in one conversation. A direct one is named by the peer, since its first message comes before it.
struct CheckLane {
    UserId sender;
    UserId peer;
    ConversationId conversation;  // of a group

    auto operator<=>(const CheckLane&) const = default;
};

// What follows for a send that may be stored.
enum class Fate : std::uint8_t {
    store,
    hold,    // a reviewer decides
    shadow,  // only its author sees it
};

// A send; or, in its place among them, an edit (whose new text is in `request`) or a deletion, which no stage is asked about.
struct CheckedSend {
    struct Revision {
        Seq seq;
        bool deletes = false;
    };
    ReplyTo from;
    Send request;  // as it was sent
    Digest128 digest{};
    CheckCall call;  // as the next stage gets it
    std::optional<Revision> revision = {};
    std::vector<ReplyTo> repeats = {};
    std::optional<Result<>> outcome = {};  // none: a stage has not decided yet
    Fate fate = Fate::store;
    std::string held_because = {};
    bool is_applying = false;
};

// Of one stage, since start.
struct CheckFigures {
    std::uint64_t allowed = 0, denied = 0, modified = 0, held = 0, shadowed = 0;
    std::uint64_t errors = 0;   // the plugin failed
    std::uint64_t late = 0;     // its deadline passed
    std::uint64_t refused = 0;  // the mailbox was full
    std::uint64_t skipped = 0;  // the breaker was open
    bool is_open = false;
};

class Checks {
  public:
    Checks(std::vector<CheckRule> rules, std::size_t text_chars_max);

    bool are_on() const { return !stages_.empty(); }
    bool empty() const { return lanes_.empty(); }
    std::size_t size() const { return size_; }

    // The send under this client id that has no answer yet; null = none.
    CheckedSend* find(const CheckLane& lane, const std::string& client_id);
    bool is_full(const CheckLane& lane) const;
    bool is_busy(const CheckLane& lane) const { return lanes_.contains(lane); }
    // Takes its place in the lane. It is put to the first stage by start(), or decided at once by decide(); see calls() and ready() then.
    CheckedSend& add(const CheckLane& lane, CheckedSend send);
    void start(const CheckLane& lane, CheckedSend& send, Tick now);
    void decide(CheckedSend& send, Result<> outcome) { send.outcome = std::move(outcome); }
    // What has gathered for the plugins.
    std::vector<CheckCall> take_calls() { return std::exchange(calls_, {}); }

    // The lane in which something was decided, if so.
    std::optional<CheckLane> on_verdict(std::uint64_t number, Verdict verdict, Tick now);
    // The mailbox had no room for this call.
    std::optional<CheckLane> on_refused(std::uint64_t number, Tick now);
    // Lanes in which a deadline has decided something.
    std::vector<CheckLane> end_late(Tick now);
    std::optional<Tick> next_deadline() const;

    // The lane's oldest send if it is decided and not being applied yet; null otherwise.
    CheckedSend* ready(const CheckLane& lane);
    CheckedSend& oldest(const CheckLane& lane);
    // Ends with it.
    CheckedSend take_oldest(const CheckLane& lane);

    std::vector<CheckFigures> figures() const;
    std::uint64_t late_verdicts() const { return late_verdicts_; }

  private:
    struct Stage {
        CheckRule rule;
        Breaker breaker;
        CheckFigures figures;
    };
    struct Waiting {
        CheckLane lane;
        CheckedSend* send;
        Tick deadline;
    };
    enum class Failure : std::uint8_t { error, late, refused };

    // From call.stage on, until one must be waited for or the outcome is known.
    void go_on(const CheckLane& lane, CheckedSend& send, Tick now);
    void fail_stage(CheckedSend& send, Stage& stage);
    static void single_out(CheckedSend& send, Fate fate, std::string why);
    std::optional<Waiting> end_wait(std::uint64_t number);
    std::optional<CheckLane> on_failure(std::uint64_t number, Failure why, Tick now);
    std::optional<CheckLane> resume(const Waiting& waiting, Tick now);

    std::vector<Stage> stages_;
    std::size_t text_chars_max_;
    std::map<CheckLane, std::deque<std::unique_ptr<CheckedSend>>> lanes_;
    std::size_t size_ = 0;
    std::unordered_map<std::uint64_t, Waiting> waiting_;
    std::set<std::pair<Tick, std::uint64_t>> deadlines_;
    std::vector<CheckCall> calls_;
    std::uint64_t last_number_ = 0;
    std::uint64_t late_verdicts_ = 0;
};

}  // namespace madang
