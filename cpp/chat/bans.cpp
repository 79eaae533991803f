// Bans: rows of the conversation, no entries of its log. What members see of one is that the banned one leaves.
#include <algorithm>

#include "chat/engine_state.hpp"
#include "chat/stored.hpp"
#include "store/keys.hpp"

namespace madang {

void Engine::State::on(const ReplyTo& from, PutBan&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        if (const auto may = conversation.log.may_ban(request.actor.user, request.user); !may) return refuse(from, may.error());
        if (const auto* member = conversation.log.find_member(request.user)) return ban(from, conversation, request, member->user);
        if (const auto* known = conversation.admission.find_ban(request.user)) return reply(from, *known);
        ask_users(UserId{}, {request.user}, [this, from, request](Result<Profiles> people) {
            if (!people) return refuse(from, people.error());
            with_conversation(from, request.conversation,
                              [this, from, request, profile = std::move(people->begin()->second)](ConversationState& found) {
                                  if (const auto may = found.log.may_ban(request.actor.user, request.user); !may)
                                      return refuse(from, may.error());
                                  ban(from, found, request, profile);
                              });
        });
    });
}

void Engine::State::ban(const ReplyTo& from, ConversationState& conversation, const PutBan& request, const Profile& user) {
    auto& admission = conversation.admission;
    if (const auto* known = admission.find_ban(user.id)) return reply(from, *known);
    if (admission.bans().size() >= Admission::kBansMax)
        return refuse(from, {Code::group_full, "a group has at most " + std::to_string(Admission::kBansMax) + " bans", {}});
    if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
    const Ban ban{.user = user, .actor = request.actor.user, .created_at = clock_.now()};
    const auto id = conversation.log.id();
    put(Table::ban, ban_key(id, user.id), ban, madang::slot_of(id));
    admission.add(ban);
    touch(conversation);
    ++figures_.bans;
    if (const auto* member = conversation.log.find_member(user.id); member && member->present())
        remove(conversation, user.id, request.actor.user);
    reply(from, ban);
}

void Engine::State::on(const ReplyTo& from, RemoveBan&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        if (const auto may = conversation.log.may_moderate(request.actor.user); !may) return refuse(from, may.error());
        if (!conversation.admission.find_ban(request.user)) return refuse(from, {Code::not_found, "this user is not banned here", {}});
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        const auto id = conversation.log.id();
        erase(Table::ban, ban_key(id, request.user), madang::slot_of(id));
        conversation.admission.remove_ban(request.user);
        touch(conversation);
        reply(from, Done{});
    });
}

void Engine::State::on(const ReplyTo& from, ListBans&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        if (const auto may = conversation.log.may_moderate(request.actor.user); !may) return refuse(from, may.error());
        const auto bans = conversation.admission.bans();
        auto at = std::ranges::upper_bound(bans, request.after.value_or(UserId{}), {}, [](const Ban& each) { return each.user.id; });
        BanPage page;
        for (auto left = std::clamp(request.limit, 1u, options_.limits.page_items); left > 0 && at != bans.end(); --left)
            page.bans.push_back(*at++);
        // One who was never a member has no row here that the deletion of the account would have reached.
        for (auto& ban : page.bans)
            if (auto present = present_profile(store_, ban.user)) ban.user = std::move(*present);
        if (at != bans.end()) page.next = page.bans.back().user.id;
        reply(from, std::move(page));
    });
}

}  // namespace madang
