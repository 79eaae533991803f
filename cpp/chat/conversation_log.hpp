// A conversation: the state machine behind its log. It knows who is a member as of every seq, who may do what, and makes the next entry.
//
// Owner and thread: the conversation's engine's. It writes nothing: whoever calls append_… stores the entry it returns, and the
// conversation and member rows it changed, in one append. Two rights checks never disagree, because both are here.
// Errors: not_found for strangers (a conversation is invisible to them), not_a_member for those who left, forbidden for lack of a right.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/mutant.hpp"
#include "base/snowflake.hpp"
#include "chat/loaded.hpp"
#include "chat/mentions.hpp"
#include "chat/requests.hpp"
#include "model/conversation.hpp"
#include "model/entry.hpp"

namespace madang {

class ConversationLog {
  public:
    // A new one with its first members, none of whose entries is made yet: append_creation follows.
    ConversationLog(Conversation conversation, std::vector<Member> members);
    explicit ConversationLog(LoadedConversation::State state);

    ConversationId id() const { return conversation_.id; }
    const Conversation& conversation() const { return conversation_; }
    Seq head() const { return head_; }
    const EntryPtr& last_message() const { return last_message_; }  // that is not shadowed
    std::span<const Member> members() const { return members_; }    // rising user ids; also those who left
    const Member* find_member(UserId user) const;                   // also one who left; null = never was one

    // The member's row, if `user` is one now.
    Result<const Member*> require_member(UserId user) const;
    Result<> may_write(UserId user, Time now) const;         // muted, with retry_after
    Result<> may_update(UserId user) const;                  // title and settings: owner and admins
    Result<> may_invite(UserId user) const;                  // by settings.invite
    Result<> may_remove(UserId actor, UserId target) const;  // kick: a higher role; leave: oneself
    Result<> may_moderate(UserId user) const;                // bans: owner and admins
    Result<> may_ban(UserId actor, UserId target) const;     // and a higher role than a member's
    // A higher role than both the old and the new one; the owner may give that role to another member.
    Result<> may_change(UserId actor, UserId target, std::optional<Role> role) const;

    // The oldest entry that this member may read now.
    Seq readable_from(const Member& member) const;
    // Who is named in a text by this member, who may name everybody by the settings and the role.
    Mentions mentions_in(std::string_view text, UserId author);

    // Each takes the next seq. The caller has checked the right before.
    std::vector<EntryPtr> append_creation(Time now);  // conversation.created, then a member.joined for each, the creator first
    // `shadowed`: only its sender may see it.
    EntryPtr append_message(IdGenerator& ids, UserId sender, std::string client_id, std::string text, Time now, bool shadowed = false);
    // Both make the message's next version, too (`revision->message`): the caller stores it in the same append. `message` is the present
    // one.
    EntryPtr append_edited(const Entry& message, std::string text, UserId actor, Time now);
    EntryPtr append_deleted(const Entry& message, UserId actor, Time now);
    // A mute that is not over outlasts leaving and coming back, unless `muted_until` says otherwise.
    EntryPtr append_joined(const Profile& user, Role role, std::optional<Time> muted_until, UserId actor, Time now);
    EntryPtr append_left(UserId user, UserId actor, Time now);
    // Who becomes the owner is muted no longer: nobody could lift it.
    EntryPtr append_member_updated(UserId user, std::optional<Role> role, std::optional<Time> muted_until, UserId actor, Time now);
    EntryPtr append_updated(const UpdateConversation& change, Time now);
    // The member's account was deleted: what is shown of it from now on. Of one who is or was a member; no entry.
    void rename(const Profile& user);
    // Who follows an owner who leaves: the oldest admin, else the oldest member; none if nobody is left.
    std::optional<UserId> successor(UserId leaver) const;

    // The recipients of the newest entry: `visit(user, last)`, last = the entry before it that went to this user. Once for each entry, in
    // their order.
    template <typename Visit>
    void address(const Entry& entry, Visit&& visit);

    // Not of one who has shadowed messages of their own behind last_message(): the store has what they are shown.
    ConversationView view_of(UserId user) const;
    bool has_shadowed(UserId user) const { return std::ranges::find(shadowed_, user) != shadowed_.end(); }

  private:
    Member& member(UserId user);
    Result<const Member*> require_group_member(UserId user) const;
    EntryPtr append_change(EntryType type, UserId actor, Time now, const Member* about);
    EntryPtr append_revision(EntryType type, const Entry& message, Message changed, UserId actor, Time now);
    Time stamp(Time now);
    // The next position, of an entry that all members may see, or of a shadowed one of `actor`.
    Seq take_seq();
    std::shared_ptr<const Shadow> take_shadowed_seq(UserId actor);

    Conversation conversation_;
    std::vector<Member> members_;
    std::vector<Seq> addressed_;  // to each of members_: the newest entry that went to them; none = never one
    MemberNames names_;
    Seq head_;
    // The newest entry that is not shadowed, and behind it the newest shadowed one of each actor.
    Seq wide_;
    std::vector<std::pair<UserId, Seq>> run_;
    std::vector<UserId> shadowed_;
    Time stamped_{};  // of the newest message, shadowed or not
    MessageId last_message_id_;
    EntryPtr last_message_;
    std::optional<Seq> newest_message_;  // shadowed or not; Seq{} = none, nullopt = not known (Entry::message_before)
};

template <typename Visit>
void ConversationLog::address(const Entry& entry, Visit&& visit) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        auto narrow = entry.is_narrow() && !mutant(Mutant::revision_for_later_joiner);
        const auto is_in = narrow ? is_addressed(members_[i], entry) : members_[i].addressed(entry.seq);
        if (is_in || mutant(Mutant::deliver_to_left)) visit(members_[i].user.id, std::exchange(addressed_[i], entry.seq));
    }
}

}  // namespace madang
