// Who is writing: told to the other members' sockets, kept nowhere. A signal lasts a few seconds; a client that goes on says so again.
#include "chat/engine_state.hpp"

namespace madang {
namespace {

constexpr Millis kTypingLasts{6'000};
constexpr Millis kTypingEvery{2'000};             // of one user in one conversation; what comes in between is not told
constexpr std::size_t kTypingUsersMax = 100'000;  // who has been told of within kTypingEvery; more are not told of

}  // namespace

void Engine::State::on(const ReplyTo& from, Typing&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        const auto who = request.actor.user;
        if (const auto may = conversation.log.may_write(who, clock_.now()); !may) return refuse(from, may.error());
        reply(from, Done{});
        if (conversation.log.conversation().members_count > options_.limits.fan_out_members_max) return;
        const auto now = clock_.tick();
        const std::pair key{request.conversation, who};
        if (typed_.size() >= kTypingUsersMax || !typed_.emplace(key, now + kTypingEvery).second) return;
        typed_until_.emplace_back(now + kTypingEvery, key);
        std::map<EngineIndex, TypingNote> notes;
        for (const auto& member : conversation.log.members())
            if (member.present() && member.user.id != who) notes[engine_of(member.user.id)].to.push_back(member.user.id);
        for (auto& [engine, note] : notes) {
            note.typing = {request.conversation, who, clock_.now() + kTypingLasts};
            if (engine == options_.index)
                take_typing(note);
            else
                effects_.push_back(ToEngine{engine, std::move(note)});
        }
    });
}

void Engine::State::take_typing(const TypingNote& note) {
    Signalling signalling{note.typing, {}};
    for (const auto id : note.to) {
        const auto* user = users_.find(id);  // whoever is not in memory has no socket
        if (!user || is_blocked(*user, note.typing.user)) continue;
        for (const auto& each : user->subscriptions)
            if (each.is_present) signalling.to.push_back({each.gateway, each.session});
    }
    figures_.typing_signals += signalling.to.size();
    if (!signalling.to.empty()) effects_.push_back(std::move(signalling));
}

void Engine::State::forget_typing() {
    const auto now = clock_.tick();
    for (; !typed_until_.empty() && typed_until_.front().first <= now; typed_until_.pop_front()) typed_.erase(typed_until_.front().second);
}

}  // namespace madang
