// Joining by link: whoever has the code of an invite may come in, as long as it is live, there is room, and they are not banned.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "store/keys.hpp"

namespace madang {

void Engine::State::erase_invite(ConversationState& conversation, const InviteSecret& secret) {
    const auto id = conversation.log.id();
    erase(Table::invite, invite_key(id, secret), madang::slot_of(id));
    conversation.admission.remove_invite(secret);
    touch(conversation);
}

void Engine::State::on(const ReplyTo& from, CreateInvite&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        if (const auto may = conversation.log.may_invite(request.actor.user); !may) return refuse(from, may.error());
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        auto& admission = conversation.admission;
        if (const auto* known = admission.find_invite(request.secret)) return reply(from, *known);
        const auto now = clock_.now();
        std::vector<InviteSecret> dead;
        for (const auto& each : admission.invites())
            if (!each.is_live(now)) dead.push_back(each.secret);
        for (const auto& each : dead) erase_invite(conversation, each);
        if (admission.invites().size() >= Admission::kInvitesMax)
            return refuse(from, {Code::group_full, "a group has at most " + std::to_string(Admission::kInvitesMax) + " invites", {}});
        const Invite invite{.secret = request.secret,
                            .creator = request.actor.user,
                            .created_at = now,
                            .expires_at = request.expires_in ? now + *request.expires_in : Time{},
                            .max_uses = request.max_uses};
        const auto id = conversation.log.id();
        put(Table::invite, invite_key(id, invite.secret), invite, madang::slot_of(id));
        admission.add(invite);
        ++figures_.invites;
        touch(conversation);
        reply(from, invite);
    });
}

void Engine::State::on(const ReplyTo& from, ListInvites&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        if (const auto may = conversation.log.may_invite(request.actor.user); !may) return refuse(from, may.error());
        const auto limit = std::clamp(request.limit, 1u, options_.limits.page_items);
        InvitePage page;
        for (const auto& each : conversation.admission.invites()) {
            if ((request.after && each.secret <= *request.after) || !each.is_live(clock_.now())) continue;
            if (page.invites.size() == limit) {
                page.next = page.invites.back().secret;
                break;
            }
            page.invites.push_back(each);
        }
        reply(from, std::move(page));
    });
}

void Engine::State::on(const ReplyTo& from, RevokeInvite&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        if (const auto may = conversation.log.may_invite(request.actor.user); !may) return refuse(from, may.error());
        if (!conversation.admission.find_invite(request.secret)) return refuse(from, {Code::not_found, "there is no such invite", {}});
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        erase_invite(conversation, request.secret);
        reply(from, Done{});
    });
}

Result<> Engine::State::may_accept(const ConversationState& conversation, const AcceptInvite& request) const {
    const auto* invite = conversation.admission.find_invite(request.secret);
    if (!invite || !invite->is_live(clock_.now())) return fail(Code::not_found, "there is no such invite, or it has ended");
    if (conversation.admission.find_ban(request.actor.user) && !mutant(Mutant::link_ignores_ban))
        return fail(Code::forbidden, "you are banned from this group");
    if (const auto* member = conversation.log.find_member(request.actor.user); member && !member->may_come_again())
        return fail(Code::forbidden, "you have come and gone " + std::to_string(kStaysMax) + " times");
    if (conversation.log.conversation().members_count >= options_.limits.group_members)
        return fail(Code::group_full, "the group has " + std::to_string(options_.limits.group_members) + " members");
    return {};
}

// Who is a member already has joined, by this very request perhaps, whose answer was lost: no further use, and any code will do.
bool Engine::State::answer_member(const ReplyTo& from, const ConversationState& conversation, UserId user) {
    const auto* member = conversation.log.find_member(user);
    if (!member || !member->present()) return false;
    if (conversation.log.conversation().kind == ConversationKind::direct)
        refuse(from, {Code::forbidden, "a direct conversation has no invites", {}});
    else
        answer_view(from, conversation, user);
    return true;
}

void Engine::State::on(const ReplyTo& from, AcceptInvite&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        const auto user = request.actor.user;
        if (answer_member(from, conversation, user)) return;
        if (const auto may = may_accept(conversation, request); !may) return refuse(from, may.error());
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        ask_users(UserId{}, {user}, [this, from, request](Result<Profiles> people) {
            if (!people) return refuse(from, people.error());
            with_conversation(from, request.conversation,
                              [this, from, request, profile = std::move(people->begin()->second)](ConversationState& found) {
                                  // Again: others may have come in meanwhile.
                                  if (answer_member(from, found, profile.id)) return;
                                  if (const auto may = may_accept(found, request); !may) return refuse(from, may.error());
                                  join(from, found, request, profile);
                              });
        });
    });
}

void Engine::State::join(const ReplyTo& from, ConversationState& conversation, const AcceptInvite& request, const Profile& user) {
    const auto id = conversation.log.id();
    const auto now = clock_.now();
    const auto entry = conversation.log.append_joined(user, Role::member, std::nullopt, user.id, now);
    ++figures_.joins;
    put_conversation_row(conversation);
    put_member_row(conversation, user.id);
    if (!mutant(Mutant::uses_uncounted)) {
        const auto& invite = conversation.admission.count_use(request.secret);
        if (invite.is_live(now))
            put(Table::invite, invite_key(id, invite.secret), invite, madang::slot_of(id));
        else
            erase_invite(conversation, request.secret);
    }
    publish(conversation, entry);
    auto view = conversation.log.view_of(user.id);
    view.created = true;
    reply(from, std::move(view));
}

}  // namespace madang
