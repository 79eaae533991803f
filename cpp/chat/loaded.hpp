// Cold state as it comes from the store.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "chat/push_outbox.hpp"
#include "chat/requests.hpp"
#include "chat/unread.hpp"
#include "store/batch.hpp"
#include "store/records.hpp"

namespace madang {

struct LoadedUser {
    UserId user;
    // None: there is no such user.
    struct State {
        Account account;
        std::vector<Device> devices;
        std::vector<UserConversation> conversations;  // as of the tail
        std::map<ConversationId, Preference> preferences;
        std::vector<Relation> relations{};                         // in order of the others; none that is neutral
        std::vector<std::pair<ConversationId, Receipt>> untold{};  // what these conversations' rows lack of how far the user has come
        Cursor checkpoint;                                         // the stored conversations are as of here
        Cursor floor;                                              // the oldest item still there, minus one
        Cursor tail;
    };
    Result<std::optional<State>> state;
};
struct LoadedConversation {
    ConversationId conversation;
    struct State {
        Conversation conversation;
        std::vector<Member> members;  // also those who left
        Seq head;
        MessageId last_message_id;
        EntryPtr last_message;
        std::vector<Seq> addressed;    // to each of `members`: the newest entry that went to them; none = never one
        EntryPtr newest;               // the head
        std::vector<UserId> shadowed;  // whose shadowed messages are newer than `last_message`, which is none of them
        std::vector<Ban> bans;
        std::vector<Invite> invites;
        std::vector<MemberReceipt> receipts{};  // rising users; of members who have come anywhere
    };
    Result<std::optional<State>> state;
};
struct LoadedInboxPage {
    UserId user;
    SessionId session;
    std::uint32_t attach = 0;
    Result<std::vector<Event>> events;
};
struct LoadedEntries {
    ConversationId conversation;
    UserId user;
    Result<std::vector<EntryPtr>> entries;  // rising; all of the range but what is shadowed from this user, addressed or not
    std::vector<EntryPtr> narrow;           // the run of narrow entries right before them (addressed_before)
};
struct LoadedJournal {
    struct Unfinished {
        EntryPtr entry;
        std::vector<EntryPtr> narrow;  // the run of narrow entries right before it (addressed_before)
    };
    Result<std::vector<Unfinished>> entries;  // in order of (conversation, seq)
};
struct LoadedMessage {
    ConversationId conversation;
    Seq seq;
    Result<EntryPtr> message;  // null: there is no message in that place
    bool for_check = false;
};
struct Recounted {
    UserId user;
    ConversationId conversation;
    struct State {
        bool known = false;    // is or was a member
        bool present = false;  // is one
        Seq head;
        Unread counted;
    };
    Result<State> state;
};
struct LoadedUnfinished {
    struct State {
        std::vector<RelationChange> changes;  // in order of pair and version
        std::vector<UserId> departures;
    };
    Result<State> state;
};
struct LoadedLeftovers {
    UserId user;
    Result<std::vector<std::pair<Table, std::string>>> rows;  // their keys
    bool more = false;                                        // others follow
};
struct LoadedPushes {
    struct State {
        EntryPtr message;  // null: it is gone
        Profile sender;    // as it is now
        ConversationKind kind = ConversationKind::direct;
        std::string title;
    };
    struct Item {
        PushKey key;
        Result<State> state;
    };
    std::vector<Item> items;
    std::vector<PushKey> left;  // for which there was no room
};
using SweptPushes = PushOutbox::Swept;
struct LoadedDelivered {
    UserId user;
    Cursor to;
    Result<std::vector<std::pair<ConversationId, Seq>>> delivered;
};
using Loaded = std::variant<LoadedUser, LoadedConversation, LoadedInboxPage, LoadedEntries, LoadedJournal, LoadedMessage, Recounted,
                            LoadedUnfinished, LoadedPushes, SweptPushes, LoadedLeftovers, LoadedDelivered>;

}  // namespace madang
