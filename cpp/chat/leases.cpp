// For the engines that watch users of this one: what they know is kept up to date, and who may see what is decided here, where the user's
// conversations and relations are.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"

namespace madang {
namespace {

bool belongs_to(const Inbox& inbox, ConversationId conversation) {
    const auto rows = inbox.conversations();
    const auto place = std::ranges::lower_bound(rows, conversation, {}, &UserConversation::conversation_id);
    return place != rows.end() && place->conversation_id == conversation && !place->left;
}

}  // namespace

// Of somebody in the store, or of an id that nobody has: the two can't be told apart.
LeasedPresence& Engine::State::leased_presence(UserId id, const UserState* user) {
    const auto [place, is_new] = watching_.leased.try_emplace(id);
    auto& state = place->second.state;
    if (is_new) {
        if (user) state.online = user->presence.online, state.last_active_at = user->presence.last_active_at;
        state.version = ++watching_.last_version;
        state.circle = ++watching_.last_version;
    }
    return place->second;
}

void Engine::State::lease(LeasedPresence& leased, EngineIndex to) {
    const auto until = clock_.tick() + kLeaseLasts;
    const auto found = std::ranges::find(leased.leases, to, &std::pair<EngineIndex, Tick>::first);
    if (found == leased.leases.end())
        leased.leases.emplace_back(to, until);
    else
        found->second = until;
}

void Engine::State::take_lease(EngineIndex from, const LeasePresence& message) {
    const auto renew = [this, from](const LeasePresence::Item& item, LeasedPresence& leased) {
        lease(leased, from);
        const auto& state = leased.state;
        if (state.version != item.version || state.circle != item.circle) watching_.states_out[from].push_back({item.user, state});
    };
    for (const auto& item : message.items) {
        if (const auto found = watching_.leased.find(item.user); found != watching_.leased.end()) {
            renew(item, found->second);
            continue;
        }
        when_loaded(item.user, [this, item, renew](Result<UserState*> user) {
            if (user) renew(item, leased_presence(item.user, *user));  // unreadable: the next renewal asks again
        });
    }
}

bool Engine::State::may_see(const UserState& user, const AskPresence& question) const {
    if (is_deleted(user.account.profile)) return false;
    if (question.watcher == user.id || mutant(Mutant::presence_for_all)) return true;
    if (is_blocked(user, question.watcher)) return false;
    if (question.share || are_friends(user, question.watcher)) return true;
    return std::ranges::any_of(question.conversations, [&](ConversationId each) { return belongs_to(user.inbox, each); });
}

PresenceAnswer::Item Engine::State::verdict_on(UserId id, const UserState* user, EngineIndex from, const AskPresence& question) {
    PresenceAnswer::Item item{id, user && may_see(*user, question), {}};
    if (question.operation == 0) {
        auto& leased = leased_presence(id, user);
        lease(leased, from);
        item.state = leased.state;
    } else if (item.visible) {
        item.state.online = user->presence.online;
        item.state.last_active_at = user->presence.last_active_at;
    }
    return item;
}

void Engine::State::take_question(EngineIndex from, AskPresence question) {
    const auto answer = [this, from](PresenceAnswer answered) {
        if (from == options_.index)
            take_answer(answered);
        else
            effects_.push_back(ToEngine{from, std::move(answered)});
    };
    PresenceAnswer now{question.operation, question.watcher, {}};
    std::vector<UserId> cold;
    for (const auto id : question.users) {
        if (const auto* user = users_.find(id))
            now.items.push_back(verdict_on(id, user, from, question));
        else
            cold.push_back(id);
    }
    if (!now.items.empty()) answer(std::move(now));
    const auto asked = std::make_shared<const AskPresence>(std::move(question));
    for (const auto id : cold) {
        when_loaded(id, [this, id, from, asked, answer](Result<UserState*> user) {
            if (!user) return;  // unreadable: it is asked again
            answer({asked->operation, asked->watcher, {verdict_on(id, *user, from, *asked)}});
        });
    }
}

void Engine::State::circle_changed(UserId user) {
    const auto found = watching_.leased.find(user);
    if (found == watching_.leased.end()) return;
    found->second.state.circle = ++watching_.last_version;
    engines_to_tell(user, found->second);
}

void Engine::State::engines_to_tell(UserId user, LeasedPresence& leased) {
    if (!std::exchange(leased.is_dirty, true)) watching_.dirty.push_back(user);
}

void Engine::State::tell_engines() {
    const auto now = clock_.tick();
    for (const auto id : std::exchange(watching_.dirty, {})) {
        const auto found = watching_.leased.find(id);
        if (found == watching_.leased.end()) continue;
        found->second.is_dirty = false;
        for (const auto& [engine, until] : found->second.leases)
            if (until > now) watching_.states_out[engine].push_back({id, found->second.state});
    }
    for (auto& [engine, items] : std::exchange(watching_.states_out, {})) {
        for (std::size_t at = 0; at < items.size(); at += kPresenceItems) {
            const auto first = items.begin() + static_cast<std::ptrdiff_t>(at);
            const auto last = items.begin() + static_cast<std::ptrdiff_t>(std::min(at + kPresenceItems, items.size()));
            PresenceStates states{{first, last}};
            if (engine == options_.index)
                take_states(states);
            else
                effects_.push_back(ToEngine{engine, std::move(states)});
        }
    }
}

void Engine::State::sweep_leases() {
    const auto now = clock_.tick();
    if (now - watching_.swept_at < kLeaseLasts / 3) return;
    watching_.swept_at = now;
    for (auto& [id, leased] : watching_.leased) std::erase_if(leased.leases, [now](const auto& one) { return one.second <= now; });
    std::erase_if(watching_.leased, [](const auto& each) { return each.second.leases.empty(); });
}

}  // namespace madang
