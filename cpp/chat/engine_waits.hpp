// What an engine waits for, and what it has written that isn't durable yet. Values of one engine's thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "chat/bus.hpp"
#include "chat/checks.hpp"
#include "chat/requests.hpp"
#include "chat/unread.hpp"
#include "model/held.hpp"
#include "store/records.hpp"

namespace madang {

template <typename T>
using Then = std::move_only_function<void(T)>;

// ---- what waits

// Both requests; no text = delete.
struct Revise {
    Actor actor;
    ConversationId conversation;
    Seq seq;
    std::optional<std::string> text;
};
// A sender in a conversation. While a revision of theirs waits (for the message to be read, for its fan-out to end), everything they
// write there waits behind it, so that it keeps its order.
using Lane = std::pair<ConversationId, UserId>;
struct InLane {
    ReplyTo from;
    std::variant<Revise, Send, CheckLane> request;  // a CheckLane: its oldest send, which may be stored
};

struct PendingFanOut {  // an entry that is not yet in every inbox
    EntryPtr entry;
    std::vector<FanOut::Recipient> recipients;  // those still missing it
    unsigned repeats = 0;
    bool own_behind = false;  // an inbox of this engine could not take it yet: it is offered again with the next repeat
    std::vector<Lane> lanes;  // revisions of the message it shows wait for its end, so that no inbox gets an old text after a newer one
};
using EntryKey = std::pair<ConversationId, Seq>;
struct IncomingFanOut {
    EngineIndex from;
    FanOut fan_out;
};
struct AwaitingEntry {  // an entry for a user that is being loaded
    EngineIndex from;
    EntryPtr entry;
    FanOut::Recipient to;
};
struct Recounting {  // a read to the middle, while the log is counted
    Seq marker;
    Unread base;     // as of `as_of`: what is added to the count
    bool subtracts;  // the count is of what is read now, not of what is left
    Unread since;    // by the items taken meanwhile
    ReplyTo from;
    std::vector<std::pair<ReplyTo, Seq>> waiting;  // further reads of the same conversation
};
using Profiles = std::map<UserId, Profile>;
struct Operation {  // it needs people of other slots
    AskUsers question;
    std::vector<UserId> waiting;  // not answered yet
    Profiles found;
    std::vector<UserId> missing;
    std::vector<UserId> refused;
    Tick deadline{};
    Tick repeat_at{};
    Then<Result<Profiles>> then;
};

struct PendingChange {  // of a pair, not yet in both copies
    RelationChange change;
    std::array<bool, 2> has{};  // by side
};
struct PendingChanges {
    std::map<std::uint64_t, PendingChange> changes;  // by version
    unsigned repeats = 0;
};

// ---- written but not durable yet, so not to be found in the store

struct InFlightPair {
    Pair pair;
    Ticket ticket = 0;
};

struct InFlightSend {
    SendKey key;  // that names nothing: it is erased
    EntryPtr entry;
    Ticket ticket = 0;
};
struct RowInFlight {
    Ticket ticket;
    Table table;
    std::string key;
};
struct RevisedInFlight {
    EntryPtr message;  // its newest version
    Ticket ticket;
};
struct HeldInFlight {
    HeldMessage message;
    Ticket ticket = 0;
};

}  // namespace madang
