// A conversation: the state machine behind its log. It knows who is a member as of every seq, who may do what, and makes the next entry.
//
// Owner and thread: the conversation's engine's. It writes nothing: whoever calls append_… stores the entry it returns, and the
// conversation and member rows it changed, in one append. Two rights checks never disagree, because both are here.
// Errors: not_found for strangers (a conversation is invisible to them), not_a_member for those who left, forbidden for lack of a right.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/snowflake.hpp"
#include "chat/loaded.hpp"
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
    const EntryPtr& last_message() const { return last_message_; }
    std::span<const Member> members() const { return members_; }  // rising user ids; also those who left
    const Member* find_member(UserId user) const;                 // also one who left; null = never was one

    // The member's row, if `user` is one now.
    Result<const Member*> require_member(UserId user) const;
    Result<> may_write(UserId user, Time now) const;                                   // muted, with retry_after
    Result<> may_update(UserId user) const;                                            // title and settings: owner and admins
    Result<> may_invite(UserId user) const;                                            // by settings.invite
    Result<> may_remove(UserId actor, UserId target) const;                            // kick: a higher role; leave: oneself
    Result<> may_change(UserId actor, UserId target, std::optional<Role> role) const;  // a higher role than both the old and the new one

    // Each takes the next seq. The caller has checked the right before.
    std::vector<EntryPtr> append_creation(Time now);  // conversation.created, then a member.joined for each, the creator first
    EntryPtr append_message(IdGenerator& ids, UserId sender, std::string client_id, std::string text, Time now);
    EntryPtr append_joined(const Profile& user, Role role, UserId actor, Time now);
    EntryPtr append_left(UserId user, UserId actor, Time now);
    EntryPtr append_member_updated(UserId user, std::optional<Role> role, std::optional<Time> muted_until, UserId actor, Time now);
    EntryPtr append_updated(const UpdateConversation& change, Time now);
    // Who follows an owner who leaves: the oldest admin, else the oldest member; none if nobody is left.
    std::optional<UserId> successor(UserId leaver) const;

    ConversationView view_of(UserId user) const;

  private:
    Member& member(UserId user);
    Result<const Member*> require_group_member(UserId user) const;
    EntryPtr append_change(EntryType type, UserId actor, Time now, const Member* about);
    Time stamp(Time now);

    Conversation conversation_;
    std::vector<Member> members_;
    Seq head_;
    MessageId last_message_id_;
    EntryPtr last_message_;
};

}  // namespace madang
