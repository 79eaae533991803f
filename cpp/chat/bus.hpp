// What engines say to each other. The bus may lose, repeat, delay and reorder every one of these: each is a request that its sender repeats
// until it is answered, and harmless when it comes twice.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "model/conversation.hpp"
#include "model/entry.hpp"
#include "model/relation.hpp"
#include "model/signal.hpp"

namespace madang {

// A log entry for users of another engine. `prev` = the last entry of this conversation addressed to that user before this one (0 = none):
// the inbox takes the entry only if that is the last one it has, so it is there exactly once and in order.
struct FanOut {
    struct Recipient {
        UserId user;
        Seq prev;
    };
    EntryPtr entry;
    std::vector<Recipient> recipients;
};
// Everything of `FanOut` is durably in the inboxes, but for the users in `behind`, with the last entry that each of them has.
struct FannedOut {
    struct Behind {
        UserId user;
        Seq last;
    };
    ConversationId conversation_id;
    Seq seq;
    std::vector<UserId> taken;
    std::vector<Behind> behind;
};
// Before something is done with people: do they exist, and may it be done?
struct AskUsers {
    enum class Purpose : std::uint8_t {
        profile,   // whatever it is, nobody refuses
        group,     // refused by who blocks the inviter
        befriend,  // refused by the inviter or `peer`, whoever has too many friends and requests
        block,     // refused by the inviter with too many blocks
    };
    std::uint64_t operation = 0;
    std::vector<UserId> users;
    UserId inviter;
    Purpose purpose = Purpose::profile;
    UserId peer{};  // befriend and block: whom the inviter means
};
struct UsersAnswer {
    std::uint64_t operation = 0;
    std::vector<Profile> found;
    std::vector<UserId> missing;
    std::vector<UserId> refused{};
};
// A change of a pair for one user's copy. Taken only if the copy is as of the version before it: so it is there exactly once, in order.
struct RelationChanged {
    UserId user;
    Profile other;
    Relation relation;
    bool tells = false;
    Time at{};
};
// The change is durably in that user's copy, or there is no such user.
struct ChangeTaken {
    UserId user;
    UserId other;
    std::uint64_t version = 0;
};

// Where a user may have to be taken out of: a conversation, or a pair (`conversation` none).
struct Place {
    ConversationId conversation;
    UserId other;

    auto operator<=>(const Place&) const = default;
};
// A deleted account, `who` without personal data, is to be taken out of there. Repeated until it is answered.
struct LeavePlace {
    Profile who;
    Place place;
    std::uint64_t number = 0;  // of this asking; the answer bears it
};
// Durably done, or there was nothing to do.
struct LeftPlace {
    UserId user;
    Place place;
    std::uint64_t number = 0;
};

// ---- presence (watching.hpp says who keeps what)
// `version` and `circle` only rise. A new circle: others than before may see it, so all have to ask again.
struct PresenceState {
    bool online = false;
    Time last_active_at{};
    std::uint64_t version = 0;
    std::uint64_t circle = 0;
};
// An engine watches these users and knows so much of them. It is told what is newer now, and what changes while the lease lasts; it renews
// the lease before that, so that whatever was lost on the bus is known by then.
struct LeasePresence {
    struct Item {
        UserId user;
        std::uint64_t version = 0;
        std::uint64_t circle = 0;
    };
    std::vector<Item> items;
};
struct PresenceStates {
    struct Item {
        UserId user;
        PresenceState state;
    };
    std::vector<Item> items;
};
// May the watcher see these users? They must share one of its conversations, or be friends, and neither may block the other. Without an
// operation it is for a watch, and takes the lease. Repeated until it is answered.
struct AskPresence {
    std::uint64_t operation = 0;
    UserId watcher;
    std::vector<ConversationId> conversations;
    bool share = false;  // all of them share one with the watcher: the asker is its engine
    std::vector<UserId> users;
};
struct PresenceAnswer {
    struct Item {
        UserId user;
        bool visible = false;
        PresenceState state;
    };
    std::uint64_t operation = 0;
    UserId watcher;
    std::vector<Item> items;
};
// To the members of a conversation who are at the engine. May be lost.
struct TypingNote {
    TypingSignal typing;
    std::vector<UserId> to;
};
// ---- receipts (receipts.hpp says who keeps what)
// How far users have come, to the engine of the conversations. Merged: the greater one counts. Repeated until it is confirmed.
struct MoveReceipts {
    struct Item {
        ConversationId conversation;
        UserId user;
        Receipt receipt;
    };
    std::vector<Item> items;
};
// The conversations have at least that, on disk. `receipt` is as it was sent.
struct ReceiptsMoved {
    std::vector<MoveReceipts::Item> items;
};
// To the members of a conversation who are at the engine. May be lost; `number` rises with each note to that engine, and one that comes
// after a later one is dropped, so that what sockets are told only rises.
struct ReceiptNote {
    std::uint64_t number = 0;
    std::vector<ReceiptSignal> receipts;  // of one conversation
    std::vector<UserId> to;
};
using BusMessage = std::variant<FanOut, FannedOut, AskUsers, UsersAnswer, RelationChanged, ChangeTaken, LeasePresence, PresenceStates,
                                AskPresence, PresenceAnswer, TypingNote, LeavePlace, LeftPlace, MoveReceipts, ReceiptsMoved, ReceiptNote>;

}  // namespace madang
