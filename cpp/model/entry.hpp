// A conversation's log has one entry for every change of it, a user's inbox one item for every entry addressed to the user.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
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
    // Only in inboxes, never in a log: what concerns one user alone.
    read_updated = 9,
    friend_updated = 10,
};

// Who is named in a text with `@`.
struct Mentions {
    std::vector<UserId> users;  // in order of the text, each once
    bool all = false;           // `@all`, by somebody who may

    bool names(UserId user) const { return all || std::ranges::find(users, user) != users.end(); }
    bool operator==(const Mentions&) const = default;
};

struct Message {
    MessageId id;
    UserId sender;
    std::string client_id;
    std::string text;
    Mentions mentions;
    Time edited_at{};  // epoch = never
    bool deleted = false;
    Seq revised;  // the entry that edited or deleted it last: of two versions the newer one; none = as it was sent

    bool operator==(const Message&) const = default;
};

struct Entry;
using EntryPtr = std::shared_ptr<const Entry>;

// What message_edited and message_deleted say. It is a reference: the message's own row is changed in the same append, and has the text.
struct Revision {
    Seq target;     // the message's place
    UserId sender;  // of the message, who need not be the actor
    Mentions before;
    Mentions after;       // as of this entry; none when deleted
    EntryPtr message;     // the target with its present text; null in a stored entry, filled in by whoever reads one
    bool for_all = true;  // else it is not addressed to those who joined after the message and may not read it

    // As a record: the message is not part of it.
    bool operator==(const Revision& other) const {
        return target == other.target && sender == other.sender && before == other.before && after == other.after &&
               for_all == other.for_all;
    }
};

// Of an entry that only its actor may see: a message that a plugin has shadowed, and its author's revisions of it. It says what lies behind
// the unbroken run of such entries that it ends, so that nobody ever walks through a run, however long.
struct Shadow {
    Seq wide;                                    // the newest entry before the run
    std::vector<std::pair<UserId, Seq>> others;  // the newest entry in the run of every other actor; rising user ids
    MessageId last_id;                           // the newest message id given in the conversation, this entry's included

    bool operator==(const Shadow&) const = default;
};

enum class FriendState : std::uint8_t { none = 0, requested = 1, asked = 2, friends = 3 };  // requested: I asked; asked: they did
inline constexpr auto kFriendStateMax = static_cast<std::uint8_t>(FriendState::friends);

// What read_updated and friend_updated say. Stored in the inbox item itself.
struct Note {
    std::uint32_t unread = 0, unread_mentions = 0;  // read_updated: after the marker moved
    Profile user;                                   // friend_updated: the other one
    FriendState state = FriendState::none;

    bool operator==(const Note&) const = default;
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
    ConversationId conversation_id;  // friend_updated: none
    Seq seq;                         // read_updated: the marker
    EntryType type = EntryType::message_created;
    Time created_at{};
    UserId actor;     // who did it
    Message message;  // message_created: with its present text
    // What the other types say; of these at most one is not null.
    std::shared_ptr<const Change> change;      // conversation_* and member_*
    std::shared_ptr<const Revision> revision;  // message_edited and message_deleted
    std::shared_ptr<const Note> note;          // read_updated and friend_updated
    std::shared_ptr<const Shadow> shadow;      // null: not shadowed
    // Of what is no message and no note: the newest message before it, shadowed or not, so that nobody who looks for messages walks through
    // all that lies between; Seq{} = there is none, nullopt = not known (it was stored by a version that didn't tell).
    std::optional<Seq> message_before = {};

    bool is_message() const { return type == EntryType::message_created; }
    bool is_revision() const { return type == EntryType::message_edited || type == EntryType::message_deleted; }
    bool is_note() const { return type == EntryType::read_updated || type == EntryType::friend_updated; }
    // Addressed to some of the members only.
    bool is_narrow() const { return shadow || (revision && !revision->for_all); }
    // May this user know of it at all, as far as shadowing goes?
    bool is_shown_to(UserId user) const { return !shadow || actor == user; }
    // Of a shadowed entry: the newest one from here back that may be shown to this user; itself, if it is theirs.
    Seq newest_shown_to(UserId user) const;
    // The message that it shows: its own, or the one that it is about; null = none.
    const Entry* shown_message() const { return is_message() ? this : revision ? revision->message.get() : nullptr; }
    std::size_t text_bytes() const {  // of that message
        const auto* shown = shown_message();
        return shown ? shown->message.text.size() : 0;
    }
    // The place of that message; none = it shows none.
    Seq shown_seq() const { return is_message() ? seq : revision ? revision->target : Seq{}; }
    bool operator==(const Entry& other) const {
        const auto same = [](const auto& a, const auto& b) { return (!a && !b) || (a && b && *a == *b); };
        return conversation_id == other.conversation_id && seq == other.seq && type == other.type && created_at == other.created_at &&
               actor == other.actor && message == other.message && same(change, other.change) && same(revision, other.revision) &&
               same(note, other.note) && same(shadow, other.shadow) && message_before == other.message_before;
    }
};

// Does the entry go into this member's inbox? A pure function of the member's stays and the entry.
bool is_addressed(const Member& member, const Entry& entry);
// The newest entry from this one back that does, as far as this one tells; none = it does not tell.
Seq newest_addressed(const Member& member, const Entry& entry);
// The last entry before `seq` that does; none = there is none. `narrow`: the unbroken run of narrow entries that ends right before `seq`,
// newest first, of each run of shadowed ones among them the newest alone; behind it the stays alone decide.
Seq addressed_before(const Member& member, Seq seq, std::span<const EntryPtr> narrow);

// One thing of a user's inbox.
struct Event {
    Cursor cursor;
    Role role = Role::member;  // the recipient's own, as of the entry (`my_role`)
    EntryPtr entry;            // never null
};

}  // namespace madang
