// Which refusals have a cause: an error that nothing in the run explains is a violation.
#include <algorithm>

#include "base/text.hpp"
#include "model.hpp"
#include "policy.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang::sim {
bool Model::is_signed_in(const Actor& actor) const {
    if (disabling_asked_.contains(actor.user) || may_be_deleted(actor.user)) return false;
    const auto device = devices_.find({actor.user, actor.device});
    if (device == devices_.end() || !device->second || sign_outs_asked_.contains({actor.user, actor.device})) return false;
    return sessions_asked_.at(actor.user) <= context_.plan.limits.devices_per_user;
}

void Model::check_refusal_of_member(const Asked& asked, UserId user, ConversationId conversation, Code code) const {
    if (user == stranger_) {
        if (code != Code::not_found) throw Violation("the stranger is told more than not_found");
        return;
    }
    if (code == Code::not_found && asked.knew) throw Violation("not_found for one who was a member");
    if (code == Code::not_a_member && !removals_asked_.contains({user, conversation}))
        throw Violation("not_a_member for one whom nobody removed");
}

void Model::check_refused_link(const AcceptInvite& accept, Code code) const {
    const auto user = accept.actor.user;
    const auto found = links_.find(accept.secret);
    if (code == Code::forbidden && !bans_asked_.contains({user, accept.conversation}))
        throw Violation("forbidden for one whom nobody banned");
    if (code != Code::not_found || found == links_.end() || !found->second.acked) return;
    const auto& link = found->second;
    if (link.revoking_asked || link.made.expires_in) return;
    // With the last member the links end, and then nobody comes in any more.
    const auto row = disk_.get(Table::conversation, conversation_key(accept.conversation));
    if (row && *row && decode_conversation(accept.conversation, **row).value().members_count == 0) return;
    if (link.made.max_uses == 0) throw Violation("a link that nobody ended is not found");
    // One who had left again may have used it twice.
    const auto left = [&](UserId each) { return removals_asked_.contains({each, accept.conversation}); };
    if (link.tried.size() <= link.made.max_uses && std::ranges::none_of(link.tried, left))
        throw Violation("a link that was not used up is not found");
}

// Some mute that was asked for ends when the error says, counted from a moment between the request and now.
void Model::check_mute(const Asked& asked, const Send& send, const Error& error) const {
    const auto mutes = mutes_asked_.find({send.actor.user, send.conversation});
    if (mutes == mutes_asked_.end()) throw Violation("muted, and nobody asked for it");
    if (error.retry_after.count() <= 0) throw Violation("muted, and the mute is over");
    if (context_.plan.wall_steps_back > 0) return;
    const auto now = context_.schedule.clock().now();
    const auto explains = [&](Time until) { return until - error.retry_after >= asked.at && until - error.retry_after <= now; };
    if (std::ranges::none_of(mutes->second, explains)) throw Violation("muted for a time that nobody asked for");
}

void Model::check_error(const Asked& asked, const Error& error) const {
    const auto code = error.code;
    const auto kind = " to request kind " + std::to_string(asked.request.index()) + ": " + error.detail;
    const auto one_of = [&](std::initializer_list<Code> legal) {
        for (const auto each : legal)
            if (each == code) return;
        throw Violation("the error " + std::string(name_of(code)) + " has no cause" + kind);
    };
    if (is_refused_by_deletion(asked.request, code)) return;
    if (code == Code::internal) {
        if (context_.plan.read_errors == 0) throw Violation("internal" + kind);
        return;
    }
    if (code == Code::unavailable) {
        if (error.retry_after.count() <= 0) throw Violation("unavailable without retry_after" + kind);
        return;
    }
    if (code == Code::storage_full) {
        if (context_.plan.disk_full == 0) throw Violation("storage_full without a cause" + kind);
        return;
    }
    const auto& checks = context_.plan.checks;
    if (code == Code::plugin_unavailable) {
        const auto is_edit = std::holds_alternative<EditMessage>(asked.request);
        const auto strict = [&](const CheckRule& rule) {
            return !rule.observe && (rule.on_error == OnError::deny || (is_edit && rule.on_error == OnError::hold));
        };
        if (std::ranges::any_of(checks, strict) && error.retry_after.count() > 0) return;
        throw Violation("plugin_unavailable without a cause" + kind);
    }
    if (code == Code::denied_by_policy) {
        const auto* send = std::get_if<Send>(&asked.request);
        const auto* edit = std::get_if<EditMessage>(&asked.request);
        for (std::uint32_t stage = 0; (send || edit) && stage < checks.size(); ++stage)
            if (const auto mood = opinion(stage, send ? send->text : edit->text);
                !checks[stage].observe && (mood == Verdict::Kind::deny || (edit && sets_aside(mood))))
                return;
        // The review queue has no more room.
        if (send && context_.plan.limits.held_messages < Limits{}.held_messages) return;
        throw Violation("denied without a plugin that denies it" + kind);
    }
    if (code == Code::rate_limited && !checks.empty() && error.retry_after.count() > 0) return;
    const auto member = [&](const Actor& actor, ConversationId conversation) {
        check_refusal_of_member(asked, actor.user, conversation, code);
    };
    // not_found also when there is no such message, or none that may be read.
    const auto revision = [&](const auto& r) {
        if (code != Code::not_found || r.actor.user == stranger_) member(r.actor, r.conversation);
        const auto target = entries_.find({r.conversation, r.seq});
        if (code == Code::forbidden && target != entries_.end() && target->second->message.sender == r.actor.user)
            throw Violation("a sender may not revise");
    };
    const auto ever_blocked = [&](ConversationId conversation) {
        return std::ranges::any_of(directs_, [&](const auto& direct) {
            return direct.second == conversation && relations_.block_asked_between(direct.first.first, direct.first.second);
        });
    };
    std::visit(overloaded{
                   [&](const SignUp& r) {
                       one_of({Code::username_taken});
                       if (sign_ups_asked_.at(fold_username(r.username).value()) < 2) throw Violation("username_taken without a cause");
                   },
                   [&](const FindAccount&) {
                       one_of({Code::not_found});
                       if (asked.done) throw Violation("an account that was acked is not found");
                   },
                   [&](const Authenticate& r) {
                       one_of({Code::unauthenticated});
                       if (r.secret_hash == secret_of(r.user) && is_signed_in({r.user, r.device}))
                           throw Violation("a good device is not let in");
                   },
                   [&](const OpenSession& r) {
                       one_of({Code::forbidden});
                       if (!disabling_asked_.contains(r.user)) throw Violation("a good account can't log in");
                   },
                   [&](const CloseSession&) { one_of({Code::not_found}); },
                   [&](const SetPush&) { one_of({Code::unauthenticated}); },
                   [&](const Acknowledge& r) {
                       one_of({Code::bad_request, Code::not_found});
                       if (code == Code::bad_request && r.cursor.value < kAhead) throw Violation("an ack of what was shown is refused");
                   },
                   [&](const Sync& r) {
                       one_of({Code::resync_required, Code::unauthenticated});
                       if (code == Code::unauthenticated) {
                           if (is_signed_in(r.actor)) throw Violation("a good device's poll is refused");
                           return;
                       }
                       if (r.cursor.value < kAhead) throw Violation("resync_required without a cause");
                   },
                   [&](const CreateDirect& r) {
                       if (r.actor.user == r.peer) return one_of({Code::bad_request});
                       if (r.peer == kGhost) return one_of({Code::not_found});
                       if (code == Code::blocked && relations_.block_asked_between(r.actor.user, r.peer)) return;
                       one_of({});
                   },
                   [&](const ChangeRelation& r) {
                       if (r.actor.user == r.user) return one_of({Code::bad_request});
                       if (r.user == kGhost) return one_of({Code::not_found});
                       one_of({Code::blocked});
                       if (r.act != RelationAct::befriend || !relations_.block_asked(r.actor.user, r.user))
                           throw Violation("blocked without a cause");
                   },
                   [&](const CreateGroup& r) {
                       const auto blocks = [&](UserId user) { return relations_.block_asked(user, r.actor.user); };
                       if (code == Code::blocked && std::ranges::any_of(r.members, blocks)) return;
                       const bool haunted = std::ranges::find(r.members, kGhost) != r.members.end();
                       if (haunted && code == Code::not_found) return;
                       one_of({Code::group_full, Code::not_a_member});  // the latter: made once, and its maker has left
                       if (code == Code::not_a_member) {
                           const auto made = groups_.find({r.actor.user, r.client_id});
                           if (made == groups_.end()) throw Violation("not_a_member for a group that was never made");
                           return member(r.actor, made->second);
                       }
                       if (r.members.size() + 1 <= context_.plan.limits.group_members) throw Violation("group_full without a cause");
                   },
                   [&](const Send& r) {
                       if (code_points(r.text) > context_.plan.limits.text_chars) return one_of({Code::text_too_long});
                       if (code == Code::client_id_reused && texts_.at({r.actor.user, r.client_id}).size() > 1) return;
                       if (code == Code::muted) return check_mute(asked, r, error);
                       if (r.peer == kGhost) return one_of({Code::not_found});
                       if (code == Code::blocked && r.peer && relations_.block_asked_between(r.actor.user, r.peer)) return;
                       if (code == Code::blocked && !r.peer && ever_blocked(r.conversation)) return;
                       if (r.peer) return one_of({});
                       one_of({Code::not_found, Code::not_a_member});
                       member(r.actor, r.conversation);
                   },
                   [&](const EditMessage& r) {
                       if (code_points(r.text) > context_.plan.limits.text_chars) return one_of({Code::text_too_long});
                       if (code == Code::muted && mutes_asked_.contains({r.actor.user, r.conversation}) && error.retry_after.count() > 0)
                           return;
                       if (code == Code::blocked && ever_blocked(r.conversation)) return;
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden});
                       revision(r);
                   },
                   [&](const DeleteMessage& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden});
                       revision(r);
                   },
                   [&](const PutMember& r) {
                       if (code == Code::blocked && relations_.block_asked(r.user, r.actor.user)) return;
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden, Code::group_full});
                       if (code != Code::not_found || r.user != kGhost) member(r.actor, r.conversation);
                   },
                   [&](const PutBan& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden, Code::group_full});
                       if (code != Code::not_found || r.user != kGhost) member(r.actor, r.conversation);
                   },
                   [&](const RemoveBan& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden});  // not_found also when there is no ban
                       if (code != Code::not_found) member(r.actor, r.conversation);
                   },
                   [&](const RevokeInvite& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden});  // likewise
                       if (code != Code::not_found) member(r.actor, r.conversation);
                   },
                   [&](const CreateInvite& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden, Code::group_full});
                       member(r.actor, r.conversation);
                   },
                   [&](const AcceptInvite& r) {
                       one_of({Code::not_found, Code::forbidden, Code::group_full});
                       check_refused_link(r, code);
                   },
                   [&](const RemoveMember& r) {
                       // not_found also when the one to remove is not there.
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden});
                       if (code != Code::not_found || r.actor.user == stranger_) member(r.actor, r.conversation);
                   },
                   [&](const UpdateConversation& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden});
                       member(r.actor, r.conversation);
                   },
                   [&](const GetConversation& r) {
                       one_of({Code::not_found, Code::not_a_member});
                       member(r.actor, r.conversation);
                   },
                   [&](const MarkRead& r) {
                       one_of({Code::not_found, Code::not_a_member});
                       member(r.actor, r.conversation);
                   },
                   [&](const UpdateView& r) {
                       one_of({Code::not_found, Code::not_a_member});
                       member(r.actor, r.conversation);
                   },
                   [&](const ListBans& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden});
                       member(r.actor, r.conversation);
                   },
                   [&](const ListInvites& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden});
                       member(r.actor, r.conversation);
                   },
                   [&](const ListMembers& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::forbidden});  // forbidden: of a direct one
                       member(r.actor, r.conversation);
                   },
                   [&](const History& r) {
                       one_of({Code::not_found, Code::not_a_member});
                       member(r.actor, r.conversation);
                   },
                   [&](const ListPresence& r) {
                       one_of({Code::not_found, Code::not_a_member});
                       member(r.actor, r.conversation);
                   },
                   [&](const Typing& r) {
                       one_of({Code::not_found, Code::not_a_member, Code::muted});
                       if (code != Code::muted) member(r.actor, r.conversation);
                   },
                   [&](const Review& r) { check_review(r, error); },
                   [&](const Watch&) { one_of({Code::bad_request}); },  // the socket's Connect was refused
                   [&](const auto&) { one_of({}); },
               },
               asked.request);
}

}  // namespace madang::sim
