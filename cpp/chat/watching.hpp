// What engines keep so that people learn of each other's presence. The watched user's engine holds a lease for each engine that watches,
// and tells it what changes; the watching engine holds a verdict for each of its users, given by the watched one's engine: may they see it?
//
// Owner and thread: one engine's. Limits: see the constants; presence signals beyond the budget of a tick wait, a newer state in the place
// of the older.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "chat/bus.hpp"
#include "chat/requests.hpp"

namespace madang {

inline constexpr std::size_t kWatchedUsersMax = 500'000;  // by one engine; more are answered once and not followed
inline constexpr Millis kLeaseRenewed{4'000};             // so that what the bus has lost is known within 5 s
inline constexpr Millis kLeaseLasts{15'000};
inline constexpr Millis kAskedAgain{500};
inline constexpr Millis kPresenceCoalesced{250};            // between two changes of one user that the same people are told of
inline constexpr std::size_t kPresenceSignals = 2'000;      // to sockets, between two ticks of an engine
inline constexpr std::size_t kPresenceSignalsATurn = 100;   // of these: about a millisecond, for which a message waits
inline constexpr std::size_t kPresenceItems = 1'000;        // of one bus message
inline constexpr std::size_t kSharedConversations = 1'000;  // the watcher's newest ones, of which the watched user must share one

// The list of one socket.
struct SocketWatch {
    std::vector<UserId> users;       // rising
    std::vector<UserId> unanswered;  // of these the socket has not been told anything yet
};

// A user of this engine whom engines watch. It outlives the user's stay in memory: somebody cold is offline and changes nothing.
struct LeasedPresence {
    PresenceState state;
    std::vector<std::pair<EngineIndex, Tick>> leases;  // until
    bool is_dirty = false;                             // the engines have to be told
};

struct Watcher {
    enum class Verdict : std::uint8_t { unknown, hidden, visible };
    enum class Told : std::uint8_t { offline, online, mixed };  // mixed: its sockets were told different things
    UserId user;
    Verdict verdict = Verdict::unknown;
    Told told = Told::offline;  // a socket that was told nothing takes everybody for offline
};

// Whom users of this engine watch.
struct WatchedPresence {
    bool is_known = false;
    PresenceState state;
    Tick tell_at{};   // not before
    Tick renew_at{};  // of the lease
    bool is_queued = false;
    std::vector<Watcher> watchers;  // rising users

    Watcher* find(UserId user);
};

// A socket that has just come, until it has heard which friends are online.
struct Greeting {
    UserId user;
    SessionId session;
    UserId after;  // friends up to here are told
};

// Somebody's question for the presence of others, until all engines have answered.
struct PresenceQuery {
    ReplyTo from;
    UserId watcher;
    std::vector<ConversationId> conversations;
    bool share = false;
    std::vector<UserId> users;  // in the order of the answer
    std::map<UserId, PresenceSignal> found;
    std::optional<UserId> next;
    Tick deadline{};
    Tick repeat_at{};
};

struct Watching {
    std::unordered_map<UserId, LeasedPresence> leased;
    std::vector<UserId> dirty;  // of the leased
    std::unordered_map<UserId, WatchedPresence> watched;
    std::deque<std::pair<Tick, UserId>> renewals;  // of the watched, when they are due
    struct Undecided {
        std::set<UserId> users;
        Tick ask_at{};
    };
    std::map<UserId, Undecided> undecided;  // watcher → those it is not known about whether it may see them
    std::deque<UserId> queue;               // of the watched whose watchers have to be told
    std::deque<Greeting> greetings;
    std::size_t allowance = 0;  // signals that may be told before the next tick; 0 too when nothing else is due before
    std::map<EngineIndex, std::vector<PresenceStates::Item>> states_out;
    std::map<std::uint64_t, PresenceQuery> queries;
    std::uint64_t last_query = 0;
    std::uint64_t last_version = 0;
    Tick swept_at{};
};

}  // namespace madang
