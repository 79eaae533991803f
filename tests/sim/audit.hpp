// The checks of a whole history: everything that was promised against everything that is stored. Throws Violation.
#pragma once

#include <map>
#include <vector>

#include "disk.hpp"
#include "ear.hpp"
#include "model.hpp"
#include "store/records.hpp"
#include "walk.hpp"

namespace madang::sim {

class Audit {
  public:
    Audit(const Disk& disk, const Model& model, const Plan& plan) : disk_(disk), model_(model), plan_(plan) {}

    void run();
    // After run(): what somebody read at rest.
    void check_walk(const Walk& walk) const;
    // Likewise: what a plugin was fed.
    void check_heard(const Ear& ear) const;

  private:
    struct Log {
        Conversation row;
        std::vector<EntryPtr> entries;                // seq 1…n
        std::map<UserId, std::vector<Stay>> stays;    // from the entries
        std::map<UserId, std::map<Seq, Role>> roles;  // as of which entry
        std::map<UserId, Member> members;             // the rows
        const Entry& at(Seq seq) const { return *entries[seq.value - 1]; }
    };

    void read_logs();
    void read_members();
    static void replay_members(Log& log);
    void check_logs() const;
    void check_changes() const;
    void check_changes(const Log& source) const;
    void check_revisions() const;
    void check_revisions(const Log& source) const;
    void check_acked_revisions() const;
    void check_deleted_texts() const;
    void check_mentions() const;
    void check_groups() const;
    static void check_rules(const Log& source);
    void check_bans() const;
    void check_links() const;
    void check_keys() const;
    void check_shadows() const;
    void check_held() const;
    void check_inboxes() const;
    void check_departures() const;
    void check_inbox(UserId user, const std::vector<InboxItem>& items) const;
    void check_checkpoints() const;
    void read_preferences();
    void check_unread();
    void check_unread(UserId user, const std::vector<InboxItem>& items);
    OwnView recount(const Log& log, UserId user, Seq marker, Seq as_of) const;
    void check_receipts();
    Profile account_of(UserId user) const;  // as it is now
    std::vector<MemberView> members_of(const Log& source, UserId viewer) const;
    void check_shown() const;
    void check_sends() const;
    void check_sender_order() const;
    void check_members() const;
    void check_accounts() const;
    void check_creations() const;
    void check_pages() const;
    void check_journal() const;
    void check_relations() const;
    void check_commit_index() const;
    void check_pushes() const;
    void check_pushes(UserId user, const std::vector<InboxItem>& items, std::uint32_t rule) const;
    void check_view(const ConversationView& view, UserId user) const;
    // Whom a message named when it was sent.
    static std::map<Seq, Mentions> first_mentions(const Log& source);
    Seq readable_from(const Log& log, UserId user) const;
    const Log& log(ConversationId conversation) const;

    const Disk& disk_;
    const Model& model_;
    const Plan& plan_;
    std::map<ConversationId, Log> logs_;
    mutable std::map<UserId, std::vector<InboxItem>> inboxes_;
    std::map<std::pair<UserId, ConversationId>, OwnView> own_;  // what everybody must see, from logs, markers and preferences
    std::map<std::pair<ConversationId, UserId>, Receipt> receipts_;
};

// The newest item of a user's inbox on disk.
Cursor stored_tail(const Store& store, UserId user);

}  // namespace madang::sim
