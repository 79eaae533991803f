#include "store/records.hpp"

#include <algorithm>
#include <utility>

#include "store/codec.hpp"

namespace madang {
namespace {

using codec::begin;
using codec::finish;
using codec::Reader;
using codec::Writer;

constexpr std::uint8_t kRegisteredDevice = 2;  // version of a device with a registration for pushes; one without is in its first form
// Versions of an entry. With what only a shadowed one has; with the place of the newest message before one that is none.
constexpr std::uint8_t kShadowed = 2, kPlaced = 3, kShadowedAndPlaced = 4;
constexpr std::uint8_t kHeldSend = 2;  // version of a send key: of a message that waits for a reviewer

constexpr std::uint8_t kMentionsAll = 1, kEdited = 2, kDeleted = 4, kRevised = 8, kMessageFlags = 15;
constexpr std::uint8_t kLeft = 1, kListed = 2, kUserConversationFlags = 3;
constexpr std::uint8_t kPreferenceVersion = 2;
constexpr std::uint8_t kPinned = 1, kArchived = 2, kPreferenceFlags = 3;
constexpr std::uint8_t kOwn = 1, kLists = 2, kMentioned = 4, kWasMentioned = 8, kInboxFlags = 15;
constexpr auto kRoleMax = static_cast<std::uint8_t>(Role::owner);
constexpr auto kKindMax = static_cast<std::uint8_t>(ConversationKind::room);
constexpr auto kTypeMin = static_cast<std::uint8_t>(EntryType::message_created);
constexpr auto kTypeMax = static_cast<std::uint8_t>(EntryType::message_deleted);
constexpr auto kNoteMax = static_cast<std::uint8_t>(EntryType::friend_updated);

// Is it the record's other version?
bool is_version(Reader& r, std::uint8_t other) {
    const auto version = r.byte();
    if (version != codec::kVersion && version != other) r.spoil();
    return version == other;
}

std::uint8_t flags(Reader& r, std::uint8_t known) {
    const auto value = r.byte();
    if ((value & ~known) != 0) r.spoil();
    return value;
}

void write(Writer& w, const Profile& profile) {
    w.text(profile.username);
    w.text(profile.display_name);
    w.time(profile.created_at);
}

Profile read_profile(Reader& r, UserId id) {
    Profile profile;
    profile.id = id;
    profile.username = r.text();
    profile.display_name = r.text();
    profile.created_at = r.time();
    return profile;
}

void write(Writer& w, const Conversation& conversation) {
    w.byte(static_cast<std::uint8_t>(conversation.kind));
    w.text(conversation.title);
    w.id(conversation.creator);
    w.time(conversation.created_at);
    w.byte(static_cast<std::uint8_t>(conversation.settings.history));
    w.byte(static_cast<std::uint8_t>(conversation.settings.invite));
    w.byte(static_cast<std::uint8_t>(conversation.settings.mention_all));
    w.varint(conversation.members_count);
}

Conversation read_conversation(Reader& r, ConversationId id) {
    Conversation conversation;
    conversation.id = id;
    conversation.kind = r.enumerator<ConversationKind>(kKindMax);
    conversation.title = r.text();
    conversation.creator = r.id<UserId>();
    conversation.created_at = r.time();
    conversation.settings.history = r.enumerator<HistoryAccess>(1);
    conversation.settings.invite = r.enumerator<InviteRight>(1);
    conversation.settings.mention_all = r.enumerator<MentionAllRight>(1);
    conversation.members_count = r.small();
    return conversation;
}

void write(Writer& w, const Member& member) {
    write(w, member.user);
    w.byte(static_cast<std::uint8_t>(member.role));
    w.time(member.muted_until);
    w.varint(member.stays.size());
    for (const auto& stay : member.stays) {
        w.position(stay.joined);
        w.position(stay.left);
    }
}

Member read_member(Reader& r, UserId user) {
    Member member;
    member.user = read_profile(r, user);
    member.role = r.enumerator<Role>(kRoleMax);
    member.muted_until = r.time();
    member.stays.resize(r.count(2));
    for (auto& stay : member.stays) {
        stay.joined = r.position<Seq>();
        stay.left = r.position<Seq>();
    }
    return member;
}

void write(Writer& w, const std::vector<UserId>& users) {
    w.varint(users.size());
    for (const auto user : users) w.id(user);
}

std::vector<UserId> read_users(Reader& r) {
    std::vector<UserId> users(r.count(8));
    for (auto& user : users) user = r.id<UserId>();
    return users;
}

void write(Writer& w, const Mentions& mentions) {
    w.flag(mentions.all);
    write(w, mentions.users);
}

Mentions read_mentions(Reader& r) {
    Mentions mentions;
    mentions.all = r.flag();
    mentions.users = read_users(r);
    return mentions;
}

void write(Writer& w, const Message& message) {
    const bool edited = message.edited_at != Time{};
    w.id(message.id);
    w.id(message.sender);
    w.byte((message.mentions.all ? kMentionsAll : 0) | (edited ? kEdited : 0) | (message.deleted ? kDeleted : 0) |
           (message.revised ? kRevised : 0));
    w.text(message.client_id);
    w.text(message.text);
    write(w, message.mentions.users);
    if (edited) w.time(message.edited_at);
    if (message.revised) w.position(message.revised);
}

void read_message(Reader& r, Message& message) {
    message.id = r.id<MessageId>();
    message.sender = r.id<UserId>();
    const auto set = flags(r, kMessageFlags);
    message.mentions.all = set & kMentionsAll;
    message.deleted = set & kDeleted;
    message.client_id = r.text();
    message.text = r.text();
    message.mentions.users = read_users(r);
    if (set & kEdited) message.edited_at = r.time();
    if (set & kRevised) message.revised = r.position<Seq>();
    if (((set & kEdited) && message.edited_at == Time{}) || ((set & kRevised) && !message.revised)) r.spoil();
}

bool is_about_member(EntryType type) {
    return type == EntryType::member_joined || type == EntryType::member_left || type == EntryType::member_updated;
}

void write(Writer& w, const Change& change, EntryType type) {
    write(w, change.conversation);
    if (is_about_member(type)) {
        w.id(change.member.user.id);
        write(w, change.member);
    }
    w.varint(change.pair.size());
    for (const auto& profile : change.pair) {
        w.id(profile.id);
        write(w, profile);
    }
}

Change read_change(Reader& r, ConversationId conversation, EntryType type) {
    Change change;
    change.conversation = read_conversation(r, conversation);
    if (is_about_member(type)) {
        const auto user = r.id<UserId>();
        change.member = read_member(r, user);
        if (change.member.stays.empty()) r.spoil();
    }
    change.pair.resize(r.count(11));
    for (auto& profile : change.pair) {
        const auto user = r.id<UserId>();
        profile = read_profile(r, user);
    }
    return change;
}

void write(Writer& w, const Revision& revision) {
    w.position(revision.target);
    w.id(revision.sender);
    write(w, revision.before);
    write(w, revision.after);
    w.flag(revision.for_all);
}

Revision read_revision(Reader& r) {
    Revision revision;
    revision.target = r.position<Seq>();
    revision.sender = r.id<UserId>();
    revision.before = read_mentions(r);
    revision.after = read_mentions(r);
    revision.for_all = r.flag();
    return revision;
}

void write(Writer& w, const Shadow& shadow) {
    w.position(shadow.wide);
    w.id(shadow.last_id);
    w.varint(shadow.others.size());
    for (const auto& [user, seq] : shadow.others) {
        w.id(user);
        w.position(seq);
    }
}

Shadow read_shadow(Reader& r) {
    Shadow shadow;
    shadow.wide = r.position<Seq>();
    shadow.last_id = r.id<MessageId>();
    shadow.others.resize(r.count(9));
    for (auto& [user, seq] : shadow.others) {
        user = r.id<UserId>();
        seq = r.position<Seq>();
    }
    if (!std::ranges::is_sorted(shadow.others, {}, &std::pair<UserId, Seq>::first)) r.spoil();
    return shadow;
}

bool is_note(EntryType type) { return type == EntryType::read_updated || type == EntryType::friend_updated; }
bool is_revision(EntryType type) { return type == EntryType::message_edited || type == EntryType::message_deleted; }

void write(Writer& w, const Note& note, EntryType type) {
    if (type == EntryType::read_updated) {
        w.varint(note.unread);
        w.varint(note.unread_mentions);
        return;
    }
    w.id(note.user.id);
    write(w, note.user);
    w.byte(static_cast<std::uint8_t>(note.state));
}

Note read_note(Reader& r, EntryType type) {
    Note note;
    if (type == EntryType::read_updated) {
        note.unread = r.small();
        note.unread_mentions = r.small();
        return note;
    }
    const auto user = r.id<UserId>();
    note.user = read_profile(r, user);
    note.state = r.enumerator<FriendState>(kFriendStateMax);
    return note;
}

}  // namespace

void encode(const Entry& entry, std::string& out) {
    MADANG_ASSERT(!entry.is_note() && entry.is_message() == (!entry.change && !entry.revision));
    // One growth of the buffer at most: this runs for every message.
    out.reserve(out.size() + entry.message.text.size() + entry.message.client_id.size() + 8 * entry.message.mentions.users.size() + 64);
    auto w = begin(out, entry.message_before ? (entry.shadow ? kShadowedAndPlaced : kPlaced) : entry.shadow ? kShadowed : codec::kVersion);
    w.byte(static_cast<std::uint8_t>(entry.type));
    w.time(entry.created_at);
    w.id(entry.actor);
    if (entry.change)
        write(w, *entry.change, entry.type);
    else if (entry.revision)
        write(w, *entry.revision);
    else
        write(w, entry.message);
    if (entry.shadow) write(w, *entry.shadow);
    if (entry.message_before) w.varint(entry.message_before->value);
}

Result<EntryPtr> decode_entry(ConversationId conversation, Seq seq, std::string_view bytes) {
    Reader r(bytes);
    const auto version = r.byte();
    if (version < codec::kVersion || version > kShadowedAndPlaced) r.spoil();
    const auto is_shadowed = version == kShadowed || version == kShadowedAndPlaced;
    auto entry = std::make_shared<Entry>();
    entry->conversation_id = conversation;
    entry->seq = seq;
    entry->type = r.enumerator<EntryType>(kTypeMax, kTypeMin);
    entry->created_at = r.time();
    entry->actor = r.id<UserId>();
    if (entry->is_message())
        read_message(r, entry->message);
    else if (entry->is_revision())
        entry->revision = std::make_shared<const Revision>(read_revision(r));
    else
        entry->change = std::make_shared<const Change>(read_change(r, conversation, entry->type));
    if (is_shadowed) {
        entry->shadow = std::make_shared<const Shadow>(read_shadow(r));
        if (entry->change) r.spoil();
    }
    if (version >= kPlaced) {
        entry->message_before = Seq{r.varint()};
        if (entry->is_message() || *entry->message_before >= seq) r.spoil();
    }
    return finish(r, EntryPtr{std::move(entry)}, "entry", conversation.value, seq.value);
}

void encode(const SendKey& key, std::string& out) {
    auto w = begin(out, key.held ? kHeldSend : codec::kVersion);
    if (key.held) {
        w.id(key.held);
        w.text(key.reason);
    } else {
        w.position(key.seq);
    }
    w.raw(key.text_digest);
}

Result<SendKey> decode_send_key(std::string_view bytes) {
    Reader r(bytes);
    SendKey key;
    if (is_version(r, kHeldSend)) {
        key.held = r.id<HeldId>();
        key.reason = r.text();
        if (!key.held) r.spoil();
    } else {
        key.seq = r.position<Seq>();
    }
    key.text_digest = r.raw<Digest128>();
    return finish(r, std::move(key), "send key");
}

void encode(const InboxItem& item, std::string& out) {
    MADANG_ASSERT(is_note(item.type) == static_cast<bool>(item.note));
    auto w = begin(out);
    w.id(item.conversation_id);
    w.position(item.seq);
    w.byte(static_cast<std::uint8_t>(item.role));
    w.byte(static_cast<std::uint8_t>(item.type));
    w.byte((item.own ? kOwn : 0) | (item.lists ? kLists : 0) | (item.mentioned ? kMentioned : 0) |
           (item.was_mentioned ? kWasMentioned : 0));
    if (is_revision(item.type)) w.position(item.target);
    if (!item.note) return;
    w.time(item.created_at);
    write(w, *item.note, item.type);
}

Result<InboxItem> decode_inbox_item(std::string_view bytes) {
    auto r = begin(bytes);
    InboxItem item;
    item.conversation_id = r.id<ConversationId>();
    item.seq = r.position<Seq>();
    item.role = r.enumerator<Role>(kRoleMax);
    item.type = r.enumerator<EntryType>(kNoteMax, kTypeMin);
    const auto set = flags(r, kInboxFlags);
    item.own = set & kOwn;
    item.lists = set & kLists;
    item.mentioned = set & kMentioned;
    item.was_mentioned = set & kWasMentioned;
    if (is_revision(item.type)) item.target = r.position<Seq>();
    if (is_note(item.type)) {
        item.created_at = r.time();
        item.note = std::make_shared<const Note>(read_note(r, item.type));
    }
    return finish(r, std::move(item), "inbox item");
}

void encode(const UserConversation& row, std::string& out) {
    auto w = begin(out);
    w.position(row.last_seq);
    w.position(row.last_cursor);
    w.byte(static_cast<std::uint8_t>(row.role));
    w.byte((row.left ? kLeft : 0) | (row.listed ? kListed : 0));
    w.position(row.active_cursor);
    w.position(row.joined_seq);
    w.position(row.read_seq);
    w.varint(row.unread);
    w.varint(row.unread_mentions);
}

Result<UserConversation> decode_user_conversation(ConversationId conversation, std::string_view bytes) {
    auto r = begin(bytes);
    UserConversation row;
    row.conversation_id = conversation;
    row.last_seq = r.position<Seq>();
    row.last_cursor = r.position<Cursor>();
    row.role = r.enumerator<Role>(kRoleMax);
    const auto set = flags(r, kUserConversationFlags);
    row.left = set & kLeft;
    row.listed = set & kListed;
    row.active_cursor = r.position<Cursor>();
    row.joined_seq = r.position<Seq>();
    row.read_seq = r.position<Seq>();
    row.unread = r.small();
    row.unread_mentions = r.small();
    return finish(r, std::move(row), "conversation of a user", conversation.value);
}

// Version 1 has no stay.
void encode(const Preference& preference, std::string& out) {
    Writer w(out);
    w.byte(preference.stay ? kPreferenceVersion : codec::kVersion);
    w.byte((preference.pinned ? kPinned : 0) | (preference.archived ? kArchived : 0));
    w.time(preference.muted_until);
    if (preference.stay) w.position(preference.stay);
}

Result<Preference> decode_preference(std::string_view bytes) {
    Reader r(bytes);
    const auto version = r.byte();
    if (version != codec::kVersion && version != kPreferenceVersion) r.spoil();
    Preference preference;
    const auto set = flags(r, kPreferenceFlags);
    preference.pinned = set & kPinned;
    preference.archived = set & kArchived;
    preference.muted_until = r.time();
    if (version != codec::kVersion) {
        preference.stay = r.position<Seq>();
        if (!preference.stay) r.spoil();
    }
    return finish(r, std::move(preference), "preference");
}

void encode(const Conversation& conversation, std::string& out) {
    auto w = begin(out);
    write(w, conversation);
}

Result<Conversation> decode_conversation(ConversationId id, std::string_view bytes) {
    auto r = begin(bytes);
    auto conversation = read_conversation(r, id);
    return finish(r, std::move(conversation), "conversation", id.value);
}

void encode(const Member& member, std::string& out) {
    MADANG_ASSERT(!member.stays.empty());
    auto w = begin(out);
    write(w, member);
}

Result<Member> decode_member(UserId user, std::string_view bytes) {
    auto r = begin(bytes);
    auto member = read_member(r, user);
    if (member.stays.empty()) r.spoil();
    return finish(r, std::move(member), "member", user.value);
}

void encode(const Ban& ban, std::string& out) {
    auto w = begin(out);
    write(w, ban.user);
    w.id(ban.actor);
    w.time(ban.created_at);
}

Result<Ban> decode_ban(UserId user, std::string_view bytes) {
    auto r = begin(bytes);
    Ban ban;
    ban.user = read_profile(r, user);
    ban.actor = r.id<UserId>();
    ban.created_at = r.time();
    return finish(r, std::move(ban), "ban", user.value);
}

void encode(const Invite& invite, std::string& out) {
    auto w = begin(out);
    w.id(invite.creator);
    w.time(invite.created_at);
    w.time(invite.expires_at);
    w.varint(invite.max_uses);
    w.varint(invite.uses);
}

Result<Invite> decode_invite(const InviteSecret& secret, std::string_view bytes) {
    auto r = begin(bytes);
    Invite invite;
    invite.secret = secret;
    invite.creator = r.id<UserId>();
    invite.created_at = r.time();
    invite.expires_at = r.time();
    invite.max_uses = r.small();
    invite.uses = r.small();
    return finish(r, std::move(invite), "invite");
}

void encode(const Account& account, std::string& out) {
    auto w = begin(out);
    write(w, account.profile);
    w.text(account.settings);
    w.text(account.password_hash);
    w.text(account.origin);
    w.varint(account.roles.size());
    for (const auto& role : account.roles) w.text(role);
    w.flag(account.disabled);
    w.time(account.last_active_at);
}

Result<Account> decode_account(UserId user, std::string_view bytes) {
    auto r = begin(bytes);
    Account account;
    account.profile = read_profile(r, user);
    account.settings = r.text();
    account.password_hash = r.text();
    account.origin = r.text();
    account.roles.resize(r.count(1));
    for (auto& role : account.roles) role = r.text();
    account.disabled = r.flag();
    account.last_active_at = r.time();
    return finish(r, std::move(account), "account", user.value);
}

void encode(const Device& device, std::string& out) {
    Writer w(out);
    w.byte(device.push ? kRegisteredDevice : codec::kVersion);
    w.text(device.name);
    w.text(device.platform);
    w.raw(device.secret_hash);
    w.time(device.created_at);
    w.time(device.last_seen_at);
    w.time(device.expires_at);
    w.position(device.acked);
    if (!device.push) return;
    w.text(device.push.provider);
    w.text(device.push.json);
}

Result<Device> decode_device(DeviceId id, std::string_view bytes) {
    Reader r(bytes);
    const auto version = r.byte();
    if (version < codec::kVersion || version > kRegisteredDevice) r.spoil();
    Device device;
    device.id = id;
    device.name = r.text();
    device.platform = r.text();
    device.secret_hash = r.raw<Digest256>();
    device.created_at = r.time();
    device.last_seen_at = r.time();
    device.expires_at = r.time();
    device.acked = r.position<Cursor>();
    if (version == kRegisteredDevice) {
        device.push.provider = r.text();
        device.push.json = r.text();
        if (!device.push) r.spoil();
    }
    return finish(r, std::move(device), "device", id.value);
}

void encode(const Mention& mention, std::string& out) {
    auto w = begin(out);
    w.id(mention.conversation_id);
    w.position(mention.seq);
}

Result<Mention> decode_mention(std::string_view bytes) {
    auto r = begin(bytes);
    Mention mention;
    mention.conversation_id = r.id<ConversationId>();
    mention.seq = r.position<Seq>();
    return finish(r, std::move(mention), "mention");
}

void encode_id(std::uint64_t id, std::string& out) {
    auto w = begin(out);
    w.fixed(id);
}

Result<std::uint64_t> decode_id(std::string_view bytes) {
    auto r = begin(bytes);
    auto id = r.fixed();
    return finish(r, std::move(id), "id");
}

}  // namespace madang
