// Stored records and their codec. Every value begins with a version byte; a decoder refuses a version it does not know and bytes that are
// not exactly one record. That bytes are those that were written is the store's promise (its checksums), not the codec's. Changing the wire
// never changes these.
// Thread: any. Limits: none of its own; a decoder allocates no more than the bytes it was given can hold.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "model/admission.hpp"
#include "model/conversation.hpp"
#include "model/entry.hpp"
#include "model/held.hpp"
#include "model/relation.hpp"
#include "model/user.hpp"

namespace madang {

// Idempotency: which entry a client id made, or which held message waits for it, and whether a repeat bears the same text (as the client
// sent it).
struct SendKey {
    Seq seq;  // none: it is held
    Digest128 text_digest{};
    HeldId held{};
    std::string reason{};  // why it is held, as the sender is told

    bool operator==(const SendKey&) const = default;
};

// A reference from a user's inbox into a conversation's log.
struct InboxItem {
    ConversationId conversation_id;
    Seq seq;
    Role role = Role::member;
    EntryType type = EntryType::message_created;  // of the entry, so that folding an inbox reads no log
    bool own = false;   // about the recipient: a message of theirs (or its revision), their own coming and going, a conversation they made
    bool lists = true;  // puts the conversation into the recipient's list
    bool mentioned = false;      // message_created and message_edited: names the recipient, not the sender, as of this entry
    bool was_mentioned = false;  // message_edited and message_deleted: named the recipient, not the sender, before
    Seq target;                  // message_edited and message_deleted: the message
    Time created_at{};           // read_updated and friend_updated: the whole entry is here
    std::shared_ptr<const Note> note;

    bool operator==(const InboxItem& other) const {
        const auto same_note = (!note && !other.note) || (note && other.note && *note == *other.note);
        return conversation_id == other.conversation_id && seq == other.seq && role == other.role && type == other.type &&
               own == other.own && lists == other.lists && mentioned == other.mentioned && was_mentioned == other.was_mentioned &&
               target == other.target && created_at == other.created_at && same_note;
    }
};

// What a user's inbox says of one conversation, as of the checkpoint's cursor.
struct UserConversation {
    ConversationId conversation_id;
    Seq last_seq;        // of the newest entry taken: what the next one's `prev` must equal
    Cursor last_cursor;  // of the newest item of any kind: is the checkpoint's row out of date?
    Role role = Role::member;
    bool left = false;
    bool listed = false;   // in the conversation list: a group from joining on, a direct one from its first message or for its creator
    Cursor active_cursor;  // of the newest item that is no revision and no note: order of the conversation list
    Seq joined_seq;        // where the present stay began, of one who joined later; none for the first members
    Seq read_seq;          // the marker; only ever moves forward
    // Messages of others that are not deleted, from unread_from() to last_seq; 0 of one who left.
    std::uint32_t unread = 0, unread_mentions = 0;

    Seq unread_from() const { return std::max(next(read_seq), joined_seq); }

    bool operator==(const UserConversation&) const = default;
};

// What a user set for a conversation of theirs, for themselves alone.
struct Preference {
    bool pinned = false;
    bool archived = false;
    Time muted_until{};  // epoch = not muted
    Seq stay;            // where the stay began that it was set in: it ends with that; none = set before this was noted

    bool is_none() const { return !pinned && !archived && muted_until == Time{}; }
    bool operator==(const Preference&) const = default;
};

// Where a message is that names a user.
struct Mention {
    ConversationId conversation_id;
    Seq seq;

    bool operator==(const Mention&) const = default;
};

// Encoders append to `out` (a buffer the caller reuses). Decoders: Error internal on anything else than exactly one record.
// The key's ids are arguments, not repeated in the value.
void encode(const Entry& entry, std::string& out);
Result<EntryPtr> decode_entry(ConversationId conversation, Seq seq, std::string_view bytes);
void encode(const SendKey& key, std::string& out);
Result<SendKey> decode_send_key(std::string_view bytes);
void encode(const HeldMessage& held, std::string& out);  // held_records.cpp
Result<HeldMessage> decode_held(HeldId id, std::string_view bytes);
void encode(const InboxItem& item, std::string& out);
Result<InboxItem> decode_inbox_item(std::string_view bytes);
void encode(const UserConversation& row, std::string& out);
Result<UserConversation> decode_user_conversation(ConversationId conversation, std::string_view bytes);
void encode(const Preference& preference, std::string& out);
Result<Preference> decode_preference(std::string_view bytes);
void encode(const Conversation& conversation, std::string& out);
Result<Conversation> decode_conversation(ConversationId id, std::string_view bytes);
void encode(const Member& member, std::string& out);
Result<Member> decode_member(UserId user, std::string_view bytes);
void encode(const Receipt& receipt, std::string& out);
Result<Receipt> decode_receipt(std::string_view bytes);
void encode(const Ban& ban, std::string& out);
Result<Ban> decode_ban(UserId user, std::string_view bytes);
void encode(const Invite& invite, std::string& out);
Result<Invite> decode_invite(const InviteSecret& secret, std::string_view bytes);
void encode(const Account& account, std::string& out);
Result<Account> decode_account(UserId user, std::string_view bytes);
void encode(const Device& device, std::string& out);
Result<Device> decode_device(DeviceId id, std::string_view bytes);
void encode(const Pair& pair, std::string& out);
Result<Pair> decode_pair(std::string_view bytes);
void encode(const Mention& mention, std::string& out);
Result<Mention> decode_mention(std::string_view bytes);
void encode(const Relation& relation, std::string& out);
Result<Relation> decode_relation(UserId other, std::string_view bytes);
void encode(const RelationChange& change, std::string& out);
Result<RelationChange> decode_relation_change(UserId lower, UserId higher, std::string_view bytes);
void encode_id(std::uint64_t id, std::string& out);  // name and creation_key rows, (user, 0) checkpoints, epochs
Result<std::uint64_t> decode_id(std::string_view bytes);

}  // namespace madang
