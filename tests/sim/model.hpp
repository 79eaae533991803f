// What the server has promised so far, and the checks that need no more than that: made as each answer and frame leaves the server. What
// needs the whole history is checked at the end (audit.hpp). Throws Violation.
//
// Every text, title and username of a run is made once, so what an answer is about is found by it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "chat/requests.hpp"
#include "context.hpp"
#include "disk.hpp"
#include "model/signal.hpp"
#include "pushes_model.hpp"
#include "relations_model.hpp"

namespace madang::sim {

// For std::visit.
template <typename... Fs>
struct overloaded : Fs... {
    using Fs::operator()...;
};

// Cursors from here on are asked for only to see them refused.
inline constexpr std::uint64_t kAhead = 1'000'000;

// Nobody, ever.
inline constexpr UserId kGhost{kSlots + 17};
// What a person's devices keep secret.
Digest256 secret_of(UserId user);

// A message that somebody means to send, however often it is asked for.
struct SendFact {
    UserId sender;
    ConversationId conversation;  // none: to `peer`
    UserId peer;
    std::string client_id;
    unsigned asked = 0;
    unsigned refused = 0;              // answered with an error: that attempt has left nothing
    bool fresh_answer = false;         // answered as new once: never again
    std::optional<SessionId> session;  // of the first attempt
    std::uint64_t order = 0;           // of the first attempts in a run
    Seq floor;                         // acked in this conversation before the first attempt: the message comes later
    EntryPtr acked;
    Micros asked_at{};  // the first time
    HeldId held;        // as it was answered last
};

// An edit or a deletion that somebody asks for, once.
struct RevisionFact {
    Actor actor;
    ConversationId conversation;
    Seq target;
    std::optional<std::string> text;  // none: a deletion
    std::optional<SessionId> session;
    std::uint64_t order = 0;  // among the sends
    Seq floor;                // acked in this conversation before: its entry comes later
    bool refused = false;
    EntryPtr acked;        // the message, as the answer shows it
    bool changed = false;  // the answer says that this request has made it so
};

// A request on its way, with what was already promised when it was made.
struct Asked {
    Request request;
    Cursor shown;                        // of the asker's inbox
    Seq acked;                           // in the conversation
    std::uint64_t reviews = 0;           // decisions acked before
    Seq acked_to_all;                    // likewise, of what is not shadowed
    std::size_t revision = 0;            // its place among the facts
    std::uint64_t acks = 0;              // revisions acked before
    Seq seen;                            // the newest message of the conversation that the asker has seen
    Seq marker;                          // the asker's read marker there
    bool knew = false;                   // the asker had been a member of the conversation
    bool done = false;                   // what it asks for had been acked
    Time at{};                           // by the server's wall clock
    std::uint64_t block = 0;             // a direct send or a new direct conversation: the block that stood; see RelationsModel
    std::uint64_t lifts = 0;             // ChangeRelation: as on_asked said
    std::map<UserId, Receipt> receipts;  // ListMembers: what was told of the members before
};

class Model {
  public:
    Model(Context& context, const Disk& disk) : context_(context), disk_(disk), pushes_(context) {}

    Asked on_asked(Request request, std::optional<SessionId> session);
    void on_answer(const Asked& asked, const Result<Response>& answer);
    // `session`: the socket it goes to; none = a poll.
    void on_event(UserId user, const Event& event, std::optional<SessionId> session = std::nullopt);
    void on_entry(const EntryPtr& entry);
    void on_signal(UserId user, const Signal& signal, SessionId session);
    // The server has read a frame of the user's socket; an attach if `attaches`.
    void on_heard(UserId user, bool attaches);
    void on_crash(bool in_good_order) { here_.clear(), pushes_.on_crash(in_good_order); }
    // A socket is given an event as it comes.
    void on_live(UserId user, const Event& event);
    PushesModel& pushes() { return pushes_; }
    const PushesModel& pushes() const { return pushes_; }
    // By the rows of the members, both are in one conversation now.
    bool share(UserId a, UserId b) const;
    // As far as the disk says now: friends, or in one conversation, and no block between them.
    bool may_see(UserId a, UserId b) const;
    bool are_friends(UserId a, UserId b) const;  // likewise, and no block between them
    std::set<UserId> users() const { return users_; }
    // May a message with this text be stored, as the plugins see it?
    void check_policy(const Entry& message) const;

    void set_stranger(UserId user) { stranger_ = user; }
    bool knows(UserId user, ConversationId conversation) const { return known_.contains({user, conversation}); }
    Cursor shown(UserId user) const;
    // The newest message of a conversation that the user has been shown.
    Seq seen(UserId user, ConversationId conversation) const;
    // By its row on disk; and may it be, or come to be?
    bool is_deleted(UserId user) const;
    bool may_be_deleted(UserId user) const { return deletions_asked_.contains(user); }
    // Entries that differ in no more than that accounts were deleted.
    bool is_same_entry(const Entry& a, const Entry& b) const;
    const std::set<UserId>& deletions_acked() const { return deletions_acked_; }
    // Nothing that was asked for could have signed it out.
    bool is_signed_in(const Actor& actor) const;

    // ---- for the audit
    using Position = std::pair<ConversationId, Seq>;
    struct Shown {
        Position position;
        Role role = Role::member;
    };
    struct Page {
        ConversationId conversation;
        std::vector<Seq> messages;
        UserId reader;
    };
    const std::map<std::string, SendFact>& sends() const { return sends_; }
    const std::vector<RevisionFact>& revisions() const { return revisions_; }
    // The edit that a text belongs to; null = none.
    const RevisionFact* edit_of(const std::string& text) const;
    // Every text that was asked for under a key.
    const std::set<std::string>& texts_of(UserId sender, const std::string& client_id) const { return texts_.at({sender, client_id}); }
    const std::map<Position, EntryPtr>& entries() const { return entries_; }
    const std::map<std::pair<UserId, Cursor>, Shown>& shown_items() const { return items_; }
    const std::map<std::string, UserId>& accounts() const { return accounts_; }
    const std::map<std::pair<UserId, DeviceId>, bool>& devices() const { return devices_; }
    const std::map<std::pair<UserId, UserId>, ConversationId>& directs() const { return directs_; }
    const std::map<std::pair<UserId, std::string>, ConversationId>& groups() const { return groups_; }
    const std::vector<std::pair<ConversationId, std::string>>& titles() const { return titles_; }
    const std::vector<std::pair<ConversationId, Member>>& members_put() const { return members_put_; }
    const std::vector<std::pair<ConversationId, UserId>>& members_removed() const { return members_removed_; }
    const std::vector<Page>& pages() const { return pages_; }
    const RelationsModel& relations() const { return relations_; }
    // A message that waits for review, or did: what was told of it, and what reviewers asked for.
    struct HeldFact {
        UserId sender;
        std::string client_id;
        bool release_asked = false, refuse_asked = false;
        bool refused = false;       // acked
        EntryPtr released;          // acked
        std::uint64_t decided = 0;  // by which of the acked decisions
    };
    const std::map<HeldId, HeldFact>& held() const { return held_; }
    std::optional<UserId> stranger() const { return stranger_; }
    // A ban that was acked, and where the log ended then.
    struct Banned {
        ConversationId conversation;
        UserId user;
        Seq head;
    };
    const std::vector<Banned>& bans() const { return bans_; }
    // The newest cursor that a device of the user has acked, or meant to.
    Cursor ack_asked(UserId user) const;
    bool was_unbanning_asked(UserId user, ConversationId conversation) const { return unbans_asked_.contains({user, conversation}); }
    // A link, and who was answered that they have joined by it.
    struct Link {
        CreateInvite made;
        bool acked = false;
        bool revoking_asked = false;
        unsigned joins = 0;  // acked
        std::set<UserId> tried;
    };
    const std::map<InviteSecret, Link>& links() const { return links_; }
    const std::vector<std::pair<ConversationId, UserId>>& joined_by_link() const { return joined_by_link_; }

  private:
    void check_error(const Asked& asked, const Error& error) const;
    // The asker, somebody it is about, or the other one of its direct conversation may be deleted: so it may be refused.
    bool is_refused_by_deletion(const Request& request, Code code) const;
    void check_refusal_of_member(const Asked& asked, UserId user, ConversationId conversation, Code code) const;
    void check_refused_link(const AcceptInvite& accept, Code code) const;
    Seq stored_head(ConversationId conversation) const;
    void check_mute(const Asked& asked, const Send& send, const Error& error) const;
    void on_ok(const Asked& asked, const Response& response);
    void on_message(const EntryPtr& entry);
    void check_text(const Entry& entry) const;
    void on_revision_asked(RevisionFact fact, std::optional<SessionId> session, Asked& asked);
    void on_revised(const Asked& asked, const Sent& sent);
    void on_mentions(const ListMentions& request, const MentionPage& page);
    void on_held(const Asked& asked, const Send& send, const Held& held);
    void on_held_page(const Asked& asked, const ListHeld& request, const HeldPage& page);
    void on_reviewed(const Review& review, const Reviewed& reviewed);
    void check_review(const Review& review, const Error& error) const;
    bool was_release_asked(const Message& message) const;
    static void check_shown_to(UserId user, const Entry& entry);
    HeldFact& note_held(HeldId id, UserId sender, const std::string& client_id);
    void check_not_older(const Asked& asked, const Entry& entry) const;
    void check_presence(UserId watcher, const PresenceSignal& told) const;
    void on_ack_asked(UserId user, Cursor cursor);
    void check_receipt(ConversationId conversation, UserId user, const Receipt& told) const;
    void on_receipt(UserId watcher, const ReceiptSignal& signal, SessionId session);
    void on_members(const Asked& asked, const ListMembers& request, const MemberPage& page);
    std::map<UserId, Receipt> told_of(ConversationId conversation) const;
    bool may_be_signed_out(UserId user) const;
    void on_sent(const Asked& asked, const Send& send, const Sent& sent);
    void on_account(const Account& account);
    void on_session(const OpenSession& request, const Asked& asked, const SessionOpened& opened);
    void on_sync(const Sync& sync, const Asked& asked, const Response& response);
    void on_view(UserId user, const ConversationView& view);
    void on_own(const Asked& asked, const ConversationView& view) const;
    void on_note(UserId user, const Event& event) const;
    void on_history(const History& history, const Asked& asked, const HistoryPage& page);
    void saw(UserId user, const Entry& entry);
    void must_be_durable(const Entry& entry) const;
    std::uint64_t block_between(const Request& request) const;
    static std::pair<UserId, UserId> pair_of(UserId a, UserId b) { return {std::min(a, b), std::max(a, b)}; }

    Context& context_;
    const Disk& disk_;
    std::optional<UserId> stranger_;
    std::map<std::string, SendFact> sends_;                                  // by text
    std::map<std::pair<UserId, std::string>, std::set<std::string>> texts_;  // (sender, client_id) → texts asked for under it
    std::uint64_t writes_asked_ = 0;
    std::vector<RevisionFact> revisions_;
    std::map<std::string, std::size_t> edits_;              // by text
    std::map<Position, std::map<Seq, EntryPtr>> versions_;  // what each message was after which revision
    std::map<std::pair<SessionId, Position>, Seq> newest_shown_;
    std::map<Position, std::vector<std::pair<std::uint64_t, Seq>>> acked_versions_;
    std::uint64_t revisions_acked_ = 0;
    std::map<std::tuple<ConversationId, UserId, std::string>, Seq> keys_;
    std::map<ConversationId, Seq> acked_, acked_to_all_;
    std::map<HeldId, HeldFact> held_;
    std::uint64_t reviews_acked_ = 0;
    std::map<std::pair<UserId, ConversationId>, Seq> seen_;
    std::map<Position, EntryPtr> entries_;
    std::map<MessageId, Position> message_ids_;
    std::map<std::pair<UserId, Cursor>, Shown> items_;
    std::map<UserId, Cursor> shown_;
    std::map<std::pair<UserId, ConversationId>, Seq> markers_;  // as answered
    std::map<std::pair<UserId, ConversationId>, Seq> reads_asked_;
    std::map<UserId, Cursor> acks_asked_;
    std::map<std::tuple<SessionId, ConversationId, UserId, ReceiptKind>, Seq> told_to_;  // by signals, the last one
    std::map<std::pair<ConversationId, UserId>, Receipt> told_;                          // to anybody, in any way
    std::map<std::pair<UserId, UserId>, std::pair<std::uint64_t, Micros>> blocked_;      // in which version of the copy, seen first when
    std::set<std::pair<UserId, ConversationId>> known_;
    std::set<std::pair<UserId, ConversationId>> removals_asked_;
    std::map<std::pair<UserId, ConversationId>, std::set<Time>> mutes_asked_;  // until when
    std::set<std::pair<UserId, ConversationId>> bans_asked_;
    std::set<std::pair<UserId, ConversationId>> unbans_asked_;
    std::vector<Banned> bans_;
    std::map<InviteSecret, Link> links_;
    std::vector<std::pair<ConversationId, UserId>> joined_by_link_;
    std::map<std::string, unsigned> sign_ups_asked_;
    std::map<std::string, UserId> accounts_;
    std::set<UserId> users_;
    std::set<UserId> disabling_asked_;
    std::set<UserId> deletions_asked_, deletions_acked_;
    std::map<UserId, unsigned> sessions_asked_;
    std::map<std::pair<UserId, DeviceId>, bool> devices_;  // → still good as far as anybody knows
    std::set<std::pair<UserId, DeviceId>> sign_outs_asked_;
    struct Here {  // since when a socket of the user was attached, and when one was heard last
        Micros since{}, heard{};
    };
    std::map<UserId, Here> here_;
    std::map<std::pair<UserId, UserId>, ConversationId> directs_;
    std::set<ConversationId> directs_made_;  // whose maker was told so
    std::map<std::pair<UserId, std::string>, ConversationId> groups_;
    std::vector<std::pair<ConversationId, std::string>> titles_;
    std::vector<std::pair<ConversationId, Member>> members_put_;
    std::vector<std::pair<ConversationId, UserId>> members_removed_;
    std::vector<Page> pages_;
    RelationsModel relations_;
    PushesModel pushes_;
};

// The newest entry of a conversation in the user's inbox on disk, up to that cursor; none = there is none.
Seq newest_item(const Store& store, UserId user, ConversationId conversation, Cursor upto);

// The same message, whatever its text is now?
bool is_same_message(const Entry& a, const Entry& b);

}  // namespace madang::sim
