// What may be asked of an engine, and what it answers. Values: they travel between threads and, later, nodes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"
#include "model/admission.hpp"
#include "model/conversation.hpp"
#include "model/entry.hpp"
#include "model/held.hpp"
#include "model/relation.hpp"
#include "model/signal.hpp"
#include "model/user.hpp"
#include "store/push_records.hpp"

namespace madang {

// Who asks: authenticated by the user's own engine before any other request is made.
struct Actor {
    UserId user;
    DeviceId device;

    bool operator==(const Actor&) const = default;
};

// Where the answer goes: a gateway is one I/O loop of this process, `request` is its own number for it.
struct ReplyTo {
    std::uint32_t gateway = 0;
    std::uint64_t request = 0;
};

// Behind what an export goes on: its parts come in this order, each in order of ids; messages by conversation and seq.
struct ExportPlace {
    enum class Part : std::uint8_t { friends, blocks, conversations, messages };
    Part part = Part::friends;
    std::uint64_t id = 0;
    Seq seq{};
};

// ---- to the user's engine ---------------------------------------------------------------------------------------------------------

// Makes an account. Answers Account. Errors: bad_request (name), username_taken, storage_full.
struct SignUp {
    std::string username;
    std::string display_name;
    std::string password_hash;  // made by the caller's password pool; empty = no log-in by password
    std::string origin = "password";
    std::vector<std::string> roles;
};
// Answers Account with its password hash, for the caller's password pool to verify. Errors: not_found.
struct FindAccount {
    std::string username;
};
// Makes a device; over devices_per_user the one unused for longest is signed out. Answers SessionOpened. Errors: not_found, forbidden
// (disabled), unauthenticated (the password has been changed since it was verified).
struct OpenSession {
    UserId user;
    std::string device_name;
    std::string platform;
    Digest256 secret_hash{};
    std::optional<std::vector<std::string>> roles = {};  // given: the account's from now on
    std::optional<std::string> verified_hash = {};       // given: the password was found right by it
};
// Is this token good? Answers Authenticated. Errors: unauthenticated (unknown, revoked, expired, disabled: not told apart).
struct Authenticate {
    UserId user;
    DeviceId device;
    Digest256 secret_hash{};
};
// Logs out (device = the actor's own) or revokes another device of the same user. Answers Done. Errors: not_found.
struct CloseSession {
    Actor actor;
    DeviceId device;
};
// Answers std::vector<Device>, newest first.
struct ListSessions {
    Actor actor;
};
// Answers Account (profile and settings; no hash). Errors: not_found.
struct GetAccount {
    UserId user;
};
// The account's password becomes another, and its other devices are signed out. `old_hash` is what the caller has verified the old password
// against. Answers Done. Errors: forbidden (the password has changed meanwhile), storage_full.
struct ChangePassword {
    Actor actor;
    std::string old_hash;
    std::string new_hash;
};
// The account is gone when this is answered: all its devices are signed out, nobody logs in, and it is shown as deleted_profile(). What
// else there is of the user goes in the background (departing.cpp). Answers Done. Errors: storage_full.
struct DeleteAccount {
    Actor actor;
};
// A page of all that the account has. Answers ExportPage.
struct Export {
    Actor actor;
    std::uint32_t limit = 100;
    std::optional<ExportPlace> after;  // from `next`; none = the first page
};
// For administration: what the user is served, recounted. Answers AuditReport. Errors: not_found.
struct AuditUser {
    UserId user;
    std::optional<ConversationId> after;  // from `next`; none = the first page
};
// Answers Account. Errors: bad_request (too long), too_large.
struct UpdateAccount {
    Actor actor;
    std::optional<std::string> display_name;
    std::optional<std::string> settings;  // a JSON object as text, checked by the wire
};
// For administration: a disabled account is signed out everywhere and can't log in. Answers Done. Errors: not_found.
struct DisableAccount {
    UserId user;
    bool disabled = true;
};

// A socket is open: from now on it is closed when its device is signed out. First of all for a socket, before Attach. No answer.
struct Connect {
    SessionId session;
    std::uint32_t gateway = 0;
    Actor actor;
};
// Subscribes an open socket: snapshot and subscription in one act. No answer: effects Attached or Resync, then Events.
struct Attach {
    SessionId session;
    UserId user;
    std::optional<Cursor> cursor;  // none = from now
};
struct Detach {
    SessionId session;
    UserId user;
    Tick heard{};  // the last frame, on the injected clock
};
// The session's outbound queue is empty: the next page of its catch-up may come.
struct Drained {
    SessionId session;
    UserId user;
};
// This device has stored everything up to `cursor`. Answers Done. Errors: bad_request (beyond the tail).
struct Acknowledge {
    Actor actor;
    Cursor cursor;
};
// Polling (wait = 0) and long polling over the same inbox. Answers SyncPage. Errors: resync_required (see Resync).
struct Sync {
    Actor actor;
    Cursor cursor;
    std::uint32_t limit = 100;
    Millis wait{0};
};
// The client of a Sync that waits has gone: it is answered now. `poll` is its number on the loop that asks. No reply.
struct EndPoll {
    UserId user;
    std::uint64_t poll = 0;
};
// Where the actor's device may be reached when it isn't here; an empty registration = nowhere. Answers Done. Errors: unauthenticated,
// storage_full.
struct SetPush {
    Actor actor;
    PushRegistration registration;
};
// For operators: pushes that were given up, of all users, in order of their keys. Answers DeadPushPage.
struct ListDeadPushes {
    Actor actor;
    std::uint32_t limit = 100;
    std::optional<PushKey> after;  // from `next`
};
// Newest activity first. Answers ConversationPage.
struct ListConversations {
    Actor actor;
    std::uint32_t limit = 100;
    std::optional<std::uint64_t> before;  // from `next`
};
// Answers ConversationView. Errors: not_found, not_a_member.
struct GetConversation {
    Actor actor;
    ConversationId conversation;
};
// Everything up to `seq` is read; beyond the last entry it is cut to it, a lower one than the marker changes nothing. Answers ReadState.
// Errors: not_found, not_a_member, bad_request (see kRecountEntries), rate_limited, storage_full.
struct MarkRead {
    Actor actor;
    ConversationId conversation;
    Seq seq;
};
// The user's own view. What is left out stays. Answers ConversationView. Errors: not_found, not_a_member, storage_full.
struct UpdateView {
    Actor actor;
    ConversationId conversation;
    std::optional<bool> pinned;
    std::optional<bool> archived;
    std::optional<Time> muted_until;  // epoch = no longer
};

// Messages that name the user, newest first, of conversations they are in. Answers MentionPage.
struct ListMentions {
    Actor actor;
    std::uint32_t limit = 100;
    std::optional<MessageId> before;  // from `next`
};
// For operators: what waits for review in all conversations, oldest first. Answers HeldPage.
struct ListHeld {
    Actor actor;
    std::uint32_t limit = 100;
    std::optional<HeldId> after;  // from `next`
};
// The presence of these users is shown to the actor's open socket: at once, and when it changes. Replaces the socket's list; no answer
// comes twice. Answers Done. Errors: bad_request (more than kWatchUsersMax, or the socket is closed).
struct Watch {
    Actor actor;
    SessionId session;
    std::vector<UserId> users;
};
// Answers PresencePage, in the order of `users`. Errors: bad_request (more than page_items), unavailable.
struct GetPresence {
    Actor actor;
    std::vector<UserId> users;
};
// Friends and requests both ways, or the users one blocks; in order of user id. Answers RelationPage.
struct ListRelations {
    Actor actor;
    bool blocks = false;
    std::uint32_t limit = 100;
    std::optional<UserId> after;  // from `next`
};

// ---- to the pair's engine ---------------------------------------------------------------------------------------------------------------

// Answers Friendship, as the actor is shown it. Errors: bad_request (oneself; too many), not_found, blocked (asking whom one blocks),
// unavailable (earlier changes of the pair are still on their way).
struct ChangeRelation {
    Actor actor;
    UserId user;
    RelationAct act = RelationAct::befriend;
};

// ---- to the conversation's engine (a direct one's: the pair's slot) -----------------------------------------------------------------

// Get or create. Answers ConversationView. Errors: bad_request (with oneself), not_found, blocked (a new one).
struct CreateDirect {
    Actor actor;
    UserId peer;
};
// Answers ConversationView. Errors: bad_request, group_full, not_found (some member), blocked (by some member), unavailable.
struct CreateGroup {
    Actor actor;
    Slot slot = 0;  // where it will live: chosen at random by the gateway
    std::string title;
    std::vector<UserId> members;  // the creator may be among them or not
    std::string client_id;        // empty = none; the same (creator, client_id) answers with the same group
};
// Answers ConversationView. Errors: forbidden, bad_request; not_found, not_a_member (and so below).
struct UpdateConversation {
    Actor actor;
    ConversationId conversation;
    std::optional<std::string> title;
    std::optional<HistoryAccess> history;
    std::optional<InviteRight> invite;
    std::optional<MentionAllRight> mention_all;
};
// Answers MemberPage, in order of user id.
struct ListMembers {
    Actor actor;
    ConversationId conversation;
    std::uint32_t limit = 100;
    std::optional<UserId> after;
};
// Invites, changes a member's role, or mutes. The owner may give that role away and is an admin then. Answers MemberView.
// Errors: forbidden, group_full, not_found, blocked (by that user), bad_request (an owner that is muted).
struct PutMember {
    Actor actor;
    ConversationId conversation;
    UserId user;
    std::optional<Role> role;
    std::optional<Time> muted_until;  // none = as it is; a past time lifts the mute
};
// Kicks, or leaves (oneself). Answers Done. Errors: forbidden, not_found.
struct RemoveMember {
    Actor actor;
    ConversationId conversation;
    UserId user;
};
// Of one who is a member, was one, or never was; a member is removed. Answers Ban. Errors: forbidden, not_found, group_full (of bans).
struct PutBan {
    Actor actor;
    ConversationId conversation;
    UserId user;
};
// Answers Done. Errors: forbidden, not_found.
struct RemoveBan {
    Actor actor;
    ConversationId conversation;
    UserId user;
};
// Answers BanPage, in order of user id. Errors: forbidden.
struct ListBans {
    Actor actor;
    ConversationId conversation;
    std::uint32_t limit = 100;
    std::optional<UserId> after;
};
// Makes a link. Answers Invite. Errors: forbidden, group_full (of invites).
struct CreateInvite {
    Actor actor;
    ConversationId conversation;
    InviteSecret secret{};  // chosen at random by the gateway
    std::optional<Millis> expires_in;
    std::uint32_t max_uses = 0;  // 0 = any number
};
// Answers InvitePage: the live ones. Errors: forbidden.
struct ListInvites {
    Actor actor;
    ConversationId conversation;
    std::uint32_t limit = 100;
    std::optional<InviteSecret> after;
};
// Answers Done. Errors: forbidden, not_found.
struct RevokeInvite {
    Actor actor;
    ConversationId conversation;
    InviteSecret secret{};
};
// Joins. Answers ConversationView; `created` = joined by this very request. Errors: not_found, forbidden (banned), group_full.
struct AcceptInvite {
    Actor actor;
    ConversationId conversation;
    InviteSecret secret{};
};
// Exactly one of `conversation` and `peer` is set; with `peer` the direct conversation is made if need be, in the same append.
// Answers Sent, or Held where a plugin wants it reviewed. Errors: text_too_long, bad_request, client_id_reused, denied_by_policy, muted,
// blocked (between two), storage_full, unavailable.
struct Send {
    Actor actor;
    ConversationId conversation;
    UserId peer;
    std::string client_id;
    std::string text;
};
// The sender changes a message's text. Answers Sent with the message as it is now; the same text again changes nothing. Errors: not_found
// (no such message, not readable, deleted), forbidden (of somebody else, too late), bad_request, text_too_long, muted, storage_full,
// unavailable.
struct EditMessage {
    Actor actor;
    ConversationId conversation;
    Seq seq;
    std::string text;
};
// The sender, an admin or the owner takes a message's text away. Answers Sent; again changes nothing. Errors: not_found, forbidden,
// storage_full, unavailable.
struct DeleteMessage {
    Actor actor;
    ConversationId conversation;
    Seq seq;
};
// An operator releases or refuses a message that waits for review. Answers Reviewed; a repeat is answered the same, as long as the decision
// is remembered (kDecisionsKept). Errors: not_found (also what was decided otherwise); of a release, what forbids its sender to write now
// (not_a_member, muted, blocked), storage_full, unavailable.
struct Review {
    HeldId held;
    bool release = false;
};
// At most one of the three is set; none = the newest. Answers HistoryPage.
struct History {
    Actor actor;
    ConversationId conversation;
    std::optional<Seq> before;
    std::optional<Seq> after;
    std::optional<Seq> around;
    std::uint32_t limit = 100;
};

// Of the members, in order of user id. Answers PresencePage. Errors: unavailable.
struct ListPresence {
    Actor actor;
    ConversationId conversation;
    std::uint32_t limit = 100;
    std::optional<UserId> after;
};
// Tells the other members' sockets, where there are not too many. Answers Done, also when nothing is told. Errors: muted.
struct Typing {
    Actor actor;
    ConversationId conversation;
};

using Request =
    std::variant<SignUp, FindAccount, OpenSession, Authenticate, CloseSession, ListSessions, GetAccount, UpdateAccount, DisableAccount,
                 Connect, Attach, Detach, Drained, Acknowledge, Sync, EndPoll, ListConversations, GetConversation, MarkRead, UpdateView,
                 CreateDirect, CreateGroup, UpdateConversation, ListMembers, PutMember, RemoveMember, PutBan, RemoveBan, ListBans,
                 CreateInvite, ListInvites, RevokeInvite, AcceptInvite, Send, History, EditMessage, DeleteMessage, ListMentions,
                 ListRelations, ChangeRelation, Watch, GetPresence, ListPresence, Typing, SetPush, ListDeadPushes, ChangePassword,
                 DeleteAccount, Export, AuditUser, ListHeld, Review>;

// The slot whose owner must be asked.
Slot slot_of(const Request& request);

// ---- answers ------------------------------------------------------------------------------------------------------------------------

struct Done {};
struct SessionOpened {
    Account account;
    DeviceId device;
    Time expires_at{};
    Cursor cursor;  // the inbox's tail at log-in
};
struct Authenticated {
    Actor actor;
    std::string username;
    Time expires_at{};
    bool is_operator = false;
};
struct Friendship {
    Profile user;
    FriendState state = FriendState::none;
};
struct RelationPage {
    std::vector<Friendship> people;
    std::optional<UserId> next;
};
struct SyncPage {
    std::vector<Event> events;
    Cursor cursor;  // of the last event, or the one asked for
    bool more = false;
};
// A conversation as one user sees it.
struct ConversationView {
    Conversation conversation;
    Seq head_seq;
    EntryPtr last_message;  // null = none
    Role my_role = Role::member;
    std::optional<Profile> peer;  // of a direct one
    bool created = false;         // by this very request
    // As of the user's inbox; none in the answer of the conversation's engine, which does not know it.
    std::optional<OwnView> own;
};
struct ConversationPage {
    std::vector<ConversationView> conversations;
    std::optional<std::uint64_t> next;  // opaque to clients
    std::uint64_t unread_total = 0;     // of all conversations that are not archived, on this page or not
};
struct ReadState {
    Seq seq;  // the marker
    std::uint32_t unread = 0, unread_mentions = 0;
};
// A member as another one sees them. Between two of whom one blocks the other the receipt says nothing, as of one who has read nothing.
struct MemberView {
    Member member;
    Receipt receipt;

    bool operator==(const MemberView&) const = default;
};
struct MemberPage {
    std::vector<MemberView> members;
    std::optional<UserId> next;
};
// As the asker may see it: for others than friends and those who share a conversation everybody is offline.
struct PresencePage {
    std::vector<PresenceSignal> presence;
    std::optional<UserId> next;
};
struct BanPage {
    std::vector<Ban> bans;
    std::optional<UserId> next;
};
struct InvitePage {
    std::vector<Invite> invites;
    std::optional<InviteSecret> next;
};
struct Sent {
    EntryPtr entry;
    bool repeated = false;  // nothing new was stored: the client id was known, or the message is as it was asked for
};
// A send that waits for a reviewer: nothing is in the log.
struct Held {
    HeldId id;
    std::string client_id;
    std::string reason;
};
struct HeldPage {
    std::vector<HeldMessage> held;
    std::optional<HeldId> next;
};
struct Reviewed {
    HeldId held;
    EntryPtr message;  // null: refused
};
struct HistoryPage {
    std::vector<EntryPtr> messages;  // ascending seq
    bool has_more_before = false;
    bool has_more_after = false;
};
struct MentionPage {
    std::vector<EntryPtr> messages;  // newest first; a page may have none and yet not be the last one
    std::optional<MessageId> next;
};
struct DeadPushPage {
    std::vector<std::pair<PushKey, DeadPush>> pushes;
    std::optional<PushKey> next;
};
// A stretch of an export; what is empty is not on this page.
struct ExportPage {
    std::optional<Account> account;  // the first page; without the hash
    std::vector<Device> devices;     // likewise
    std::vector<Friendship> friends;
    std::vector<Profile> blocks;
    std::vector<ConversationView> conversations;  // those the user is in
    std::vector<EntryPtr> messages;               // the user's own, as they are now, also where the user has left
    std::optional<ExportPlace> next;
};
// What is served and what the logs say, where they differ. `seq`: of a mention, the message.
struct AuditDifference {
    enum class What : std::uint8_t {
        membership,
        marker,
        unread,
        unread_mentions,
        mention,        // in the list of mentions, or not
        stored_marker,  // what a restart would serve
        stored_unread,
        stored_unread_mentions,
    };
    ConversationId conversation;
    Seq seq;
    What what = What::unread;
    std::uint64_t served = 0, counted = 0;

    bool operator==(const AuditDifference&) const = default;
};
std::string_view word_of(AuditDifference::What what);  // as its enumerator
struct AuditReport {
    UserId user;
    std::uint64_t conversations = 0, unread = 0, unread_mentions = 0;  // as served, of those that were recounted on this page
    std::uint64_t mentions = 0;                                        // in the list; on the first page
    std::uint64_t entries = 0;                                         // of logs, read for this page
    std::vector<AuditDifference> differences;
    std::optional<ConversationId> next;
};
// The cursor can't be served: read the conversation list, then attach at `cursor` (the tail).
enum class ResyncReason : std::uint8_t { trimmed, ahead, restored };
struct ResyncRequired {
    ResyncReason reason = ResyncReason::ahead;
    Cursor cursor;
};

using Response =
    std::variant<Done, Account, SessionOpened, Authenticated, std::vector<Device>, SyncPage, ResyncRequired, ConversationPage,
                 ConversationView, ReadState, MemberPage, MemberView, Ban, BanPage, Invite, InvitePage, Sent, HistoryPage, MentionPage,
                 Friendship, RelationPage, PresencePage, DeadPushPage, ExportPage, AuditReport, Held, HeldPage, Reviewed>;

}  // namespace madang
