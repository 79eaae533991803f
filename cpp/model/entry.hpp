// A conversation's log has one entry for every change of it, a user's inbox one item for every entry addressed to the user.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "model/conversation.hpp"

namespace madang {

enum class EntryType : std::uint8_t {
    message_created = 1,
    conversation_created = 2,
    conversation_updated = 3,
    member_joined = 4,
    member_left = 5,
    member_updated = 6,
    message_edited = 7,
    message_deleted = 8,
};

struct Message {
    MessageId id;
    UserId sender;
    std::string client_id;
    std::string text;
    std::vector<UserId> mentions;
    bool mentions_all = false;
    Time edited_at{};  // epoch = never
    bool deleted = false;

    bool operator==(const Message&) const = default;
};

// What an entry other than a message says, all as of that entry, so that a replay shows what was.
struct Change {
    Conversation conversation;
    Member member;              // member_*: whom it is about
    std::vector<Profile> pair;  // conversation_created of a direct one: both users

    bool operator==(const Change&) const = default;
};

// Immutable once made; shared by pointer between the inboxes and sessions it goes to. Any thread.
struct Entry {
    ConversationId conversation_id;
    Seq seq;
    EntryType type = EntryType::message_created;
    Time created_at{};
    UserId actor;                          // who did it
    Message message;                       // message_*: with its present text
    std::shared_ptr<const Change> change;  // conversation_* and member_*: never null; message_*: null

    bool is_message() const {
        return type == EntryType::message_created || type == EntryType::message_edited || type == EntryType::message_deleted;
    }
    bool operator==(const Entry& other) const {
        const auto same_change = (!change && !other.change) || (change && other.change && *change == *other.change);
        return conversation_id == other.conversation_id && seq == other.seq && type == other.type && created_at == other.created_at &&
               actor == other.actor && message == other.message && same_change;
    }
};
using EntryPtr = std::shared_ptr<const Entry>;

// One thing of a user's inbox.
struct Event {
    Cursor cursor;
    Role role = Role::member;  // the recipient's own, as of the entry (`my_role`)
    EntryPtr entry;            // never null
};

}  // namespace madang
