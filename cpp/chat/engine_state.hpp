// The inside of an engine: its residents, what it waits for, and the turn that is being gathered. One class in several files by subject:
// engine.cpp (dispatch, turn, time), accounts.cpp, creation.cpp, conversations.cpp, bans.cpp, invites.cpp, messages.cpp, revisions.cpp,
// checked_sends.cpp, held.cpp, fan_out.cpp, subscriptions.cpp, reading.cpp, own_view.cpp, pairs.cpp, relation_copies.cpp, attendance.cpp,
// leases.cpp, watches.cpp, typing.cpp, receiving.cpp, pushes.cpp, departing.cpp (deleted accounts), exporting.cpp (export and audit).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/snowflake.hpp"
#include "chat/checks.hpp"
#include "chat/commit_index.hpp"
#include "chat/departures.hpp"
#include "chat/engine.hpp"
#include "chat/engine_waits.hpp"
#include "chat/held_queue.hpp"
#include "chat/push_decisions.hpp"
#include "chat/push_outbox.hpp"
#include "chat/receipts.hpp"
#include "chat/resident_states.hpp"
#include "chat/residents.hpp"
#include "chat/watching.hpp"
#include "model/deleted_user.hpp"

namespace madang {

class Engine::State {
  public:
    State(EngineOptions options, const Clock& clock, const Store& store);

    void start();
    void handle(const ReplyTo& from, Request request);
    void on_bus(EngineIndex from, BusMessage message);
    void on_loaded(Loaded loaded);
    void tick();
    void on_verdict(std::uint64_t call, Verdict verdict);
    void on_call_refused(std::uint64_t call);
    void on_delivered(std::uint64_t call, const Delivered& delivered);
    void on_push_refused(std::uint64_t call);
    std::optional<Tick> next_deadline() const { return checks_.next_deadline(); }
    void end_waits();
    Turn end_turn();
    void on_durable(Ticket ticket);
    bool wants_turn() const { return !backlog_.empty() || !lanes_to_apply_.empty() || has_presence_to_tell(); }
    bool is_idle() const;
    EngineFigures figures() const;

  private:
    // ---- engine.cpp: residents, answers, rows
    // Runs `then` with the resident, now or when it is loaded. Not found and corruption are answered to `from` here; a full waiting room
    // too.
    template <typename Run>
    void with_user(const ReplyTo& from, UserId id, Run&& then);
    template <typename Run>
    void with_conversation(const ReplyTo& from, ConversationId id, Run&& then);
    // For what follows a socket's Connect: the user is in memory, or this waits behind the Connect, however many wait: a Detach that is
    // turned away would leave its socket for ever. Neither: the Connect was refused and the socket is being closed.
    template <typename Run>
    void with_socket(UserId id, Run&& then);
    // The same for those who answer themselves: `then(Result<UserState*>)`, null = no such user.
    template <typename Run>
    void when_loaded(UserId id, Run&& then);
    template <typename Run>
    void when_loaded(ConversationId id, Run&& then);
    bool has_room_to_park() const { return users_.parked() + conversations_.parked() < options_.limits.parked_requests; }
    // A bound of its own, as large: what waits in a lane may wait for the journal, whose loads need places to park.
    bool has_room_in_lanes() const { return in_lanes_ < options_.limits.parked_requests; }
    void reply(const ReplyTo& to, Result<Response> response);
    void refuse(const ReplyTo& to, const Error& error) { reply(to, std::unexpected(error)); }
    bool owns(Slot slot) const { return owner_of(slot, options_.engines) == options_.index; }
    EngineIndex engine_of(UserId user) const { return owner_of(madang::slot_of(user), options_.engines); }
    Ticket this_turn() const { return last_ticket_ + 1; }
    template <typename Record>
    void put(Table table, std::string_view key, const Record& record, Slot slot);
    void put_id(Table table, std::string_view key, std::uint64_t id, Slot slot);
    void erase(Table table, std::string_view key, Slot slot);
    void fence(Slot slot);
    void touch(UserState& user) { user.written = this_turn(); }
    void touch(ConversationState& conversation) { conversation.written = this_turn(); }
    std::optional<std::uint64_t> id_in_flight(Table table, std::string_view key) const;
    void remember_in_flight(Table table, std::string_view key, std::uint64_t id);
    void reserve_ids(MessageId given);
    void evict();

    // ---- accounts.cpp
    void on(const ReplyTo& from, SignUp&& request);
    void on(const ReplyTo& from, FindAccount&& request);
    void on(const ReplyTo& from, OpenSession&& request);
    void on(const ReplyTo& from, Authenticate&& request);
    void on(const ReplyTo& from, CloseSession&& request);
    void on(const ReplyTo& from, ListSessions&& request);
    void on(const ReplyTo& from, GetAccount&& request);
    void on(const ReplyTo& from, UpdateAccount&& request);
    void on(const ReplyTo& from, DisableAccount&& request);
    void on(const ReplyTo& from, ChangePassword&& request);
    Result<std::optional<UserId>> find_name(const std::string& key) const;
    void put_device(const UserState& user, const Device& device);
    void sign_out(UserState& user, DeviceId device);

    // ---- departing.cpp: deleted accounts
    void on(const ReplyTo& from, DeleteAccount&& request);
    void work_departures();
    void begin_departure(UserId id, Result<UserState*> user);
    // Of one who is deleted: has to be taken out of there, too.
    void depart_from(const UserState& user, const Place& place);
    // An entry that a deleted user is not given any more.
    void miss(const UserState& user, const Entry& entry);
    void on_leftovers(LoadedLeftovers loaded);
    void take_leave(EngineIndex from, LeavePlace leave);
    bool take_out(ConversationState& conversation, const Profile& who);  // false: not now
    bool part(const Profile& who, UserId other);                         // likewise

    // ---- exporting.cpp: what is read of one user as a whole
    void on(const ReplyTo& from, Export&& request);
    void on(const ReplyTo& from, AuditUser&& request);

    // ---- subscriptions.cpp: sockets and polls over the inbox
    void on(const ReplyTo& from, Connect&& request);
    void on(const ReplyTo& from, Attach&& request);
    void on(const ReplyTo& from, Detach&& request);
    void on(const ReplyTo& from, Drained&& request);
    void on(const ReplyTo& from, Acknowledge&& request);
    void on(const ReplyTo& from, Sync&& request);
    void on(const ReplyTo& from, EndPoll&& request);
    template <typename IsOver>
    void end_polls(UserState& user, IsOver is_over);
    void on(const ReplyTo& from, ListMentions&& request);
    void on_page(LoadedInboxPage page);
    void catch_up(UserState& user, Subscription& subscription);
    // From the memory tail, as it is shown now.
    std::optional<std::vector<Event>> recent(const UserState& user, Cursor after, std::size_t limit) const;
    void send_page(Subscription& subscription, std::vector<Event> events);
    void come_online(UserState& user);
    void go_offline(UserState& user);
    std::optional<ResyncRequired> unservable(const UserState& user, Cursor cursor) const;
    void wake_pollers(UserState& user);
    void end_long_polls();

    // ---- receiving.cpp: acks, and what members hear of each other's
    void acknowledge(UserState& user, DeviceId device, Cursor cursor);
    void store_acks();
    void note_delivered(UserState& user);
    void on_delivered(const LoadedDelivered& loaded);
    void send_receipts();
    void take_receipts(EngineIndex from, const MoveReceipts& message);
    bool merge_receipt(ConversationState& conversation, const MoveReceipts::Item& item);
    void take_moved(const ReceiptsMoved& moved);
    void tell_receipts();
    void take_receipt_note(EngineIndex from, const ReceiptNote& note);

    // ---- reading.cpp: markers and what is unread
    void on(const ReplyTo& from, MarkRead&& request);
    void mark_read(UserState& user, ConversationId conversation, Seq seq, const ReplyTo& from);
    void recount(UserState& user, const UserConversation* row, ConversationId conversation, Seq seq, const ReplyTo& from);
    void on_recounted(Recounted done);
    void move_marker(UserState& user, ConversationId conversation, Seq seq, Unread unread);
    void note_for_recount(UserState& user, const InboxItem& item);

    // ---- own_view.cpp: the conversation list, and a conversation as its user sees it
    void on(const ReplyTo& from, ListConversations&& request);
    void on(const ReplyTo& from, GetConversation&& request);
    void on(const ReplyTo& from, UpdateView&& request);
    void forget_preference(UserState& user, ConversationId conversation);
    // ---- attendance.cpp: who is here
    void arrive(UserState& user);
    void depart(UserState& user, DeviceId device, Tick heard);
    void hear(UserState& user, DeviceId device);
    void leave(UserState& user, DeviceId device, std::uint32_t attached);  // signed out
    // Was active then. The device's row is written at most once a minute.
    void note_active(UserState& user, DeviceId device, Time at);
    void presence_changed(UserState& user);
    void end_presences();
    // Of sockets that stay: a crash must not make those who only answer pings look long gone.
    void note_present();
    void expect_present(UserId user, SessionId session);

    static bool are_friends(const UserState& user, UserId other) { return user.relations.are_friends(other); }
    static bool is_blocked(const UserState& user, UserId other) { return user.relations.is_blocked(other); }

    // ---- leases.cpp: for the engines that watch users of this one
    LeasedPresence& leased_presence(UserId id, const UserState* user);
    void lease(LeasedPresence& leased, EngineIndex to);
    void take_lease(EngineIndex from, const LeasePresence& message);
    void take_states(const PresenceStates& message);
    void take_question(EngineIndex from, AskPresence question);
    bool may_see(const UserState& user, const AskPresence& question) const;
    PresenceAnswer::Item verdict_on(UserId id, const UserState* user, EngineIndex from, const AskPresence& question);
    // Others than before may see the user's presence.
    void circle_changed(UserId user);
    void engines_to_tell(UserId user, LeasedPresence& leased);
    void tell_engines();
    void sweep_leases();

    // ---- watches.cpp: for users of this engine who watch others
    void on(const ReplyTo& from, Watch&& request);
    void on(const ReplyTo& from, GetPresence&& request);
    void on(const ReplyTo& from, ListPresence&& request);
    bool watches(const UserState& user, UserId other) const;
    void watch(UserState& user, UserId other);
    void unwatch(UserState& user, UserId other);
    void unwatch_all(UserState& user, const std::vector<UserId>& others);
    // May see others than before.
    void decide_again(UserState& user);
    void decide_again(UserState& user, UserId other);
    void decided(UserId watcher, UserId other);
    void learn(UserId other, WatchedPresence& watched, const PresenceState& news);
    void ask_undecided();
    void renew_leases();
    void take_answer(const PresenceAnswer& answer);
    void want_greeting(const UserState& user, Subscription& socket);
    bool greet(Greeting& greeting, std::size_t& budget);
    void change_listeners(const UserState& user, UserId other);
    void note_answered(UserId asker, const PresenceAnswer::Item& item, const PresenceSignal& now);
    void take_verdict(UserState& user, const PresenceAnswer::Item& item);
    void answer_sockets(UserState& user, UserId other, const PresenceSignal& shown, Watcher& watcher);
    void queue_telling(UserId other, WatchedPresence& watched);
    bool has_presence_to_tell() const { return watching_.allowance > 0 && !(watching_.queue.empty() && watching_.greetings.empty()); }
    void tell_presence();
    bool tell_watchers(UserId other, WatchedPresence& watched, std::size_t& budget);
    void send_question(EngineIndex to, AskPresence question);
    void ask_presence(std::uint64_t number);
    void begin_query(PresenceQuery query);
    void end_queries();
    std::vector<ConversationId> newest_conversations(const UserState& user) const;

    // ---- pushes.cpp: who must be notified, and the way to the plugins
    void on(const ReplyTo& from, SetPush&& request);
    void on(const ReplyTo& from, ListDeadPushes&& request);
    void take_up_pushes();  // of an earlier run
    void note_poll_end(UserState& user, DeviceId device);
    void forget_polls(UserState& user, DeviceId device);
    bool is_attached(const UserState& user) const;
    std::vector<PushOutbox::Target> push_targets(const UserState& user, const std::vector<PushTarget>& done) const;
    // Read, muted by the user, left, or the account is disabled.
    bool is_push_pointless(const UserState& user, ConversationId conversation, Seq seq) const;
    void consider_push(UserState& user, const InboxItem& item);  // which the inbox has just taken
    void put_push(const UserState& user, ConversationId conversation, Seq seq, Cursor cursor);
    void put_open_row(UserId user, Cursor decided);
    void decide_pushes();
    void decide_push(UserId id, Result<UserState*> user);
    void work_pushes();
    void on_pushes(const LoadedPushes& loaded);
    void hand_out_push(const PushKey& key, const Result<LoadedPushes::State>& state, Result<UserState*> user);
    void cancel_push(const PushKey& key);
    void erase_push(const PushKey& key);
    void end_push(const PushOutbox::Ended& ended);
    void give_up_push(const PushOutbox::Ended& ended);
    void drop_registration(const PushOutbox::Ended& ended);
    bool pushes_are_settled() const;
    void push_figures(EngineFigures& figures) const;
    static std::uint64_t unread_total(const UserState& user);

    // ---- typing.cpp
    void on(const ReplyTo& from, Typing&& request);
    void take_typing(const TypingNote& note);
    void forget_typing();

    // ---- creation.cpp: what needs people of other slots
    void on(const ReplyTo& from, CreateDirect&& request);
    void on(const ReplyTo& from, CreateGroup&& request);
    void on_ask(EngineIndex from, AskUsers ask);
    void on_answer(UsersAnswer answer);
    // Asks the users' engines; `then` gets all profiles, or the error that names who is missing, or unavailable after a deadline.
    void ask_users(UserId inviter, std::vector<UserId> users, Then<Result<Profiles>> then);
    void ask(std::uint64_t operation);
    void repeat_asks();
    void ask_users(AskUsers question, Then<Result<Profiles>> then);
    static bool refuses(const UserState& user, const AskUsers& question, const Limits& limits);
    Error refusal(const AskUsers& question, UserId who) const;
    // The pair's direct conversation, made if need be (its rows join this turn). Made by this very call, or by whom?
    using ThenDirect = std::move_only_function<void(ConversationState& conversation, bool made_here)>;
    void with_direct(const ReplyTo& from, const Actor& actor, UserId peer, ThenDirect then);
    using WhenDirect = std::move_only_function<void(Result<ConversationState*> conversation, bool made_here)>;
    void when_direct(const Actor& actor, UserId peer, WhenDirect then);
    ConversationState& create(Conversation conversation, std::vector<Member> members);
    // None = there is none; an error = the store can't tell, and nothing may be made in its place.
    Result<std::optional<ConversationId>> find_created(const std::string& key) const;
    ConversationId new_conversation_id(Slot slot);
    void direct_made(UserId a, UserId b, Result<Profiles> people);

    // ---- pairs.cpp: friends and blocks, in the pair's slot
    void on(const ReplyTo& from, ChangeRelation&& request);
    // As of all that this engine has written, durable or not. An error = the store can't tell.
    Result<Pair> find_pair(UserId a, UserId b) const;
    Result<Pair> pair_of(const ConversationLog& log) const;  // a fresh one for a group
    Result<std::unique_ptr<ConversationState>> resident(ConversationLog log, Admission admission = {}) const;
    void put_pair(UserId a, UserId b, const Pair& pair);
    void forget_pair(const std::string& key);
    void change_pair(const ReplyTo& from, const ChangeRelation& request, const Profiles& people);
    bool has_too_many_changes(UserId a, UserId b) const;
    void store_change(const Pair& before, Pair& pair, const Profile& one, const Profile& other);
    void hand_on(RelationChange change);
    void send_change(const RelationChange& change, std::size_t side);
    void on_change_taken(const ChangeTaken& taken);
    void repeat_changes();
    void on_unfinished(LoadedUnfinished loaded);

    // ---- relation_copies.cpp: the same, in each user's slot
    void on(const ReplyTo& from, ListRelations&& request);
    void take_change(EngineIndex from, RelationChanged message);
    bool take_change(UserState& user, const RelationChanged& message);  // false: not yet
    Result<std::uint64_t> version_of_copy(const UserState& user, UserId other) const;
    // `user.relations` says something new of `other`: what either may see of the other's presence may have changed.
    void relations_changed(UserState& user, UserId other);

    // ---- conversations.cpp
    void on(const ReplyTo& from, UpdateConversation&& request);
    void on(const ReplyTo& from, ListMembers&& request);
    void on(const ReplyTo& from, PutMember&& request);
    void on(const ReplyTo& from, RemoveMember&& request);
    void on(const ReplyTo& from, History&& request);
    void answer_view(const ReplyTo& from, const ConversationState& conversation, UserId user, bool created = false);
    void invite(const ReplyTo& from, PutMember&& request);
    void reply_member(const ReplyTo& from, const ConversationState& conversation, UserId user, UserId actor);
    // He leaves or is removed. In the same append a leaving owner has an heir, and with the last member the links end.
    void remove(ConversationState& conversation, UserId user, UserId actor);
    void put_member_row(const ConversationState& conversation, UserId user);
    void put_conversation_row(const ConversationState& conversation);

    // ---- bans.cpp
    void on(const ReplyTo& from, PutBan&& request);
    void on(const ReplyTo& from, RemoveBan&& request);
    void on(const ReplyTo& from, ListBans&& request);
    void ban(const ReplyTo& from, ConversationState& conversation, const PutBan& request, const Profile& user);

    // ---- invites.cpp
    void on(const ReplyTo& from, CreateInvite&& request);
    void on(const ReplyTo& from, ListInvites&& request);
    void on(const ReplyTo& from, RevokeInvite&& request);
    void on(const ReplyTo& from, AcceptInvite&& request);
    Result<> may_accept(const ConversationState& conversation, const AcceptInvite& request) const;
    // True if the user is a member: that has been answered.
    bool answer_member(const ReplyTo& from, const ConversationState& conversation, UserId user);
    void join(const ReplyTo& from, ConversationState& conversation, const AcceptInvite& request, const Profile& user);
    void erase_invite(ConversationState& conversation, const InviteSecret& secret);

    // ---- messages.cpp
    void on(const ReplyTo& from, Send&& request);
    void send(const ReplyTo& from, ConversationState& conversation, Send&& request);
    void send_now(const ReplyTo& from, ConversationState& conversation, Send&& request, std::string key, const Digest128& digest);
    // True if the client id is known: it has been answered.
    bool answer_repeat(const ReplyTo& from, ConversationId conversation, const Send& request, const std::string& key,
                       const Digest128& digest);

    // Why nothing may be written in a direct conversation whose pair is closed.
    static Error closed(const ConversationState& conversation);
    Result<> may_store(const ConversationState& conversation, UserId sender) const;
    // The entry and its key join this turn; publish() follows.
    EntryPtr store_message(ConversationState& conversation, UserId sender, std::string key, std::string client_id, std::string text,
                           const Digest128& digest, bool shadowed = false);
    // A key that names neither a message nor a held one is erased.
    void put_send_key(std::string key, const SendKey& row, EntryPtr entry, Slot slot);

    // ---- revisions.cpp: editing and deleting
    enum class Step : std::uint8_t { done, waits };
    void on(const ReplyTo& from, EditMessage&& request);
    void on(const ReplyTo& from, DeleteMessage&& request);
    void revise(const ReplyTo& from, Revise&& request);
    void wait_in_lane(const ReplyTo& from, const Lane& lane, std::variant<Revise, Send, CheckLane> request);
    // `loaded`: the message as it was read from the store for this very call.
    Step try_revise(const ReplyTo& from, ConversationState& conversation, Revise& request, const Lane& lane, const LoadedMessage* loaded);
    // What can be told without the message.
    Result<> may_revise(const ConversationState& conversation, const Revise& request) const;
    // As of all that this engine has written; none = it must be read.
    std::optional<EntryPtr> known_message(const ConversationState& conversation, Seq seq) const;
    Result<EntryPtr> revisable(const ConversationState& conversation, const Revise& request, const EntryPtr& message) const;
    void append_revision(const ReplyTo& from, ConversationState& conversation, Revise& request, const EntryPtr& message);
    void work_lane(const Lane& lane, Result<ConversationState*> conversation, const LoadedMessage* loaded);
    void work_lanes();
    void forget_revised(const std::string& key);
    void forget_sent(const std::string& key);
    void on_message(LoadedMessage loaded);
    bool awaits_fan_out(ConversationId conversation, Seq target, const Lane& lane);
    bool journal_is_open() const { return journal_reading_ || journal_wanted_ || !journal_.empty() || journal_parked_ > 0; }

    // ---- checked_sends.cpp: sends in which plugins have a say
    using Stored = std::variant<EntryPtr, Held>;
    CheckLane lane_of(const ConversationState& conversation, UserId sender) const;
    // True if the same send waits for its verdict: this one gets the answer of that one.
    bool answer_waiting_repeat(const ReplyTo& from, const CheckLane& lane, const Send& request, const Digest128& digest);
    // Null `conversation`: a direct one that is yet to be made. `starts`: it is put to the plugins at once.
    CheckedSend* check(const ReplyTo& from, ConversationState* conversation, const CheckLane& lane, Send&& request, const Digest128& digest,
                       std::optional<CheckedSend::Revision> revision, bool starts = true);
    void check_first(const ReplyTo& from, Send&& request);
    // Edits are checked, too, those that could be stored; a deletion only waits for what its sender has written before.
    void check_revision(const ReplyTo& from, Revise&& request);
    void check_revision(const ReplyTo& from, ConversationState& conversation, Revise&& request);
    void on_edited_message(const LoadedMessage& loaded);
    Result<> may_edit(Result<ConversationState*> conversation, const CheckedSend& edit, const LoadedMessage& loaded) const;
    Result<> may_check(const CheckLane& lane) const;
    void apply_verdicts(const CheckLane& lane);
    void store_checked(const CheckLane& lane, Result<ConversationState*> found);
    void append_checked(const CheckLane& lane, ConversationState& conversation);
    void end_check(const CheckLane& lane, const Result<Stored>& stored);
    void end_late_checks();
    void work_verdicts();

    // ---- held.cpp: messages that wait for a reviewer
    void on(const ReplyTo& from, ListHeld&& request);
    void on(const ReplyTo& from, Review&& request);
    void load_held();
    Result<std::optional<HeldMessage>> find_held(HeldId id) const;
    void put_held(const HeldMessage& held);
    void forget_held(HeldId id);
    Result<Stored> hold(const ConversationState& conversation, UserId sender, std::string key, const CheckedSend& send);
    void answer_decided(const ReplyTo& from, const HeldMessage& held, const Review& request);
    void decided(HeldMessage held, HeldMessage::State state, Seq seq);
    void discard(const HeldMessage& held);
    // False: not now. Of an account that is deleted: nobody could release it, and it bears a name.
    bool discard_held_of(UserId sender);
    void refuse_held(const ReplyTo& from, const HeldMessage& held);
    void release(const ReplyTo& from, ConversationState& conversation, HeldMessage held);

    // ---- fan_out.cpp: from the log into the inboxes
    // Stores the entry and hands it to every member as of it: in this append where the inbox is here and warm, by journal and bus
    // otherwise.
    void publish(ConversationState& conversation, const EntryPtr& entry);
    static bool may_have_missed(const UserState& user, const InboxItem& item);
    Inbox::Verdict deliver(UserState& user, const EntryPtr& entry, const FanOut::Recipient& to);
    void end_delivery(const EntryPtr& entry);
    // Gives the user an item that comes from no log.
    void deliver_note(UserState& user, const InboxItem& item);
    void store_item(UserState& user, const InboxItem& item);  // which the inbox has just taken
    void await(EngineIndex from, const EntryPtr& entry, const FanOut::Recipient& to);
    void on_awaited(UserId id, Result<UserState*> user);
    void take_fan_out(EngineIndex from, FanOut fan_out);
    void on_fanned_out(const FannedOut& done);
    void on_entries(LoadedEntries loaded);
    void on_journal(LoadedJournal loaded);
    void work_journal();
    void put_mention(const UserState& user, const Entry& entry, const InboxItem& item);
    void hand_on(const EntryPtr& entry, std::vector<FanOut::Recipient> recipients);  // by journal and bus
    void put_journal_row(const EntryPtr& entry);
    void send_fan_out(const EntryPtr& entry, const std::vector<FanOut::Recipient>& recipients, bool own_too);
    void answer_fan_out(EngineIndex to, FannedOut done);
    void work_backlog();
    void repeat_fan_outs();
    void repair(ConversationId conversation, UserId user, Seq last, Seq to);

    EngineOptions options_;
    const Clock& clock_;
    const Store& store_;
    IdGenerator ids_;
    std::uint64_t reserved_ms_ = 0;  // message ids up to this millisecond may be given

    Residents<UserId, UserState> users_;
    Residents<ConversationId, ConversationState> conversations_;

    // Written but not durable yet, so not to be found in the store.
    std::unordered_map<std::string, InFlightSend> sends_in_flight_;
    std::map<std::pair<Table, std::string>, std::uint64_t, std::less<>> ids_in_flight_;  // of names, pairs and creation keys
    std::deque<RowInFlight> in_flight_;
    std::unordered_map<std::string, RevisedInFlight> revised_in_flight_;  // by message_key

    std::unordered_map<HeldId, HeldInFlight> held_in_flight_;
    HeldQueue held_;

    std::map<Lane, std::deque<InLane>> lanes_;  // never empty ones
    std::size_t in_lanes_ = 0;
    std::vector<Lane> ready_lanes_;                           // to be worked at the end of the turn
    std::vector<Lane> journal_lanes_;                         // wait until the journal has been taken up
    std::map<EntryKey, std::vector<Lane>> messages_loading_;  // who waits for which message

    std::map<std::uint64_t, Operation> operations_;
    std::uint64_t last_operation_ = 0;
    std::map<std::pair<UserId, UserId>, std::vector<Then<Result<ConversationState*>>>> directs_in_creation_;
    // Repeats of a creation that is under way, by its key: they look again when it has ended.
    std::map<std::string, std::vector<std::move_only_function<void()>>> groups_in_creation_;

    Checks checks_;
    std::vector<CheckLane> lanes_to_apply_;                                              // whose next send may be decided already
    std::map<EntryKey, std::vector<std::pair<CheckLane, CheckedSend*>>> edits_loading_;  // who would edit which message

    std::map<EntryKey, PendingFanOut> pending_;
    std::map<EntryKey, Seq> revisions_pending_;                 // message → its revision that is in pending_; at most one
    std::multimap<Tick, EntryKey> repeats_;                     // by when they are due
    std::map<std::pair<ConversationId, UserId>, Seq> repairs_;  // → up to where
    std::deque<IncomingFanOut> backlog_;                        // for inboxes of this engine, beyond what one turn may write
    std::unordered_map<UserId, std::vector<AwaitingEntry>> awaiting_;
    std::size_t awaiting_count_ = 0;
    std::vector<UserId> unreadable_;                 // their load failed: tried again at the next tick
    std::deque<LoadedJournal::Unfinished> journal_;  // of an earlier run, not taken up yet
    std::size_t journal_parked_ = 0;                 // taken from there, their conversations are being loaded
    bool journal_wanted_ = false;                    // it could not be read: tried again at the next tick
    bool journal_reading_ = false;
    std::size_t rows_this_turn_ = 0;
    std::map<std::pair<UserId, ConversationId>, Recounting> recounts_;

    std::unordered_map<std::string, InFlightPair> pairs_in_flight_;  // written but not durable yet
    std::map<std::pair<UserId, UserId>, PendingChanges> pending_changes_;
    std::multimap<Tick, std::pair<UserId, UserId>> change_repeats_;  // by when they are due
    bool unfinished_wanted_ = false;                                 // could not be read: tried again at the next tick

    Departures departures_;

    std::set<UserId> woken_;  // users whose pollers get an answer at the end of the turn
    bool waits_ended_ = false;
    std::deque<std::pair<Tick, UserId>> lingering_;
    std::set<UserId> polling_;

    Attendance attendance_;
    std::deque<std::pair<Tick, std::pair<UserId, SessionId>>> present_;  // when to note that the socket is still there
    Watching watching_;
    PushDecisions push_decisions_;
    PushOutbox push_outbox_;
    std::vector<PushCall> push_calls_;
    std::uint64_t push_depth_ = 0;
    std::deque<PushKey> push_dead_;  // in order of time
    Receiving receiving_;
    std::map<std::pair<ConversationId, UserId>, Tick> typed_;  // when it may be told again
    std::deque<std::pair<Tick, std::pair<ConversationId, UserId>>> typed_until_;

    Batch batch_;
    CommitIndex index_;
    std::vector<Effect> effects_;
    std::vector<Job> jobs_;
    std::vector<bool> fenced_;
    Ticket last_ticket_ = 0;
    Ticket durable_ = 0;
    std::string scratch_;
    Delivery delivery_;  // of the entry being published
    EngineFigures figures_;
};

template <typename Run>
void Engine::State::when_loaded(UserId id, Run&& then) {
    if (auto* user = users_.find(id)) return then(Result<UserState*>(user));
    if (!has_room_to_park())
        return then(Result<UserState*>(fail(Code::unavailable, "too many requests wait for stored state", Millis{200})));
    if (users_.park(id, std::forward<Run>(then))) jobs_.push_back(LoadUser{id});
}

template <typename Run>
void Engine::State::when_loaded(ConversationId id, Run&& then) {
    if (auto* conversation = conversations_.find(id)) return then(Result<ConversationState*>(conversation));
    if (!has_room_to_park())
        return then(Result<ConversationState*>(fail(Code::unavailable, "too many requests wait for stored state", Millis{200})));
    if (conversations_.park(id, std::forward<Run>(then))) jobs_.push_back(LoadConversation{id});
}

template <typename Run>
void Engine::State::with_user(const ReplyTo& from, UserId id, Run&& then) {
    when_loaded(id, [this, from, then = std::forward<Run>(then)](Result<UserState*> user) mutable {
        if (!user) return refuse(from, user.error());
        if (!*user) return refuse(from, Error{Code::not_found, "no such user"});
        // Of a request that was on its way when the account was deleted.
        if (is_deleted((*user)->account.profile)) return refuse(from, Error{Code::unauthenticated, "the account was deleted"});
        then(**user);
    });
}

template <typename Run>
void Engine::State::with_socket(UserId id, Run&& then) {
    if (auto* user = users_.find(id)) return then(*user);
    if (!users_.is_loading(id)) return;
    users_.park(id, [then = std::forward<Run>(then)](Result<UserState*> user) mutable {
        if (user && *user) then(**user);
    });
}

template <typename Run>
void Engine::State::with_conversation(const ReplyTo& from, ConversationId id, Run&& then) {
    when_loaded(id, [this, from, then = std::forward<Run>(then)](Result<ConversationState*> conversation) mutable {
        if (!conversation) return refuse(from, conversation.error());
        if (!*conversation) return refuse(from, Error{Code::not_found, "no such conversation"});
        then(**conversation);
    });
}

template <typename Record>
void Engine::State::put(Table table, std::string_view key, const Record& record, Slot slot) {
    scratch_.clear();
    encode(record, scratch_);
    batch_.put(table, key, scratch_);
    fence(slot);
}

}  // namespace madang
