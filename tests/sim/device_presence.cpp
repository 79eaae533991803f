// Watching others, being watched, typing.
#include <algorithm>

#include "check.hpp"
#include "device.hpp"

namespace madang::sim {

void Device::watch() {
    if (!session_) return;
    std::vector<UserId> users;
    for (const auto* person : town_.people)
        if (person->id && context_.dice.chance(0.6)) users.push_back(person->id);
    if (context_.dice.chance(0.1)) users.push_back(kGhost);
    watch(std::move(users));
}

void Device::watch_all() {
    if (!session_ || has_left_) return;
    std::vector<UserId> users;
    for (const auto* person : town_.people)
        if (person->id) users.push_back(person->id);
    watch(std::move(users));
}

void Device::watch_nobody() {
    if (session_ && !has_left_) watch({});
}

void Device::watch(std::vector<UserId> users) {
    ++busy_;
    network_.frame(*session_, Watch{actor(), *session_, users}, [this, users, session = session_](Answer answer) {
        --busy_;
        if (answer && *answer && session == session_) watched_ = users;
    });
}

void Device::ask_presence() {
    std::vector<UserId> users{kGhost};
    for (const auto* person : town_.people)
        if (person->id) users.push_back(person->id);
    users.resize(std::min<std::size_t>(users.size(), context_.plan.limits.page_items));
    if (const auto conversation = some_conversation(); conversation && context_.dice.chance(0.5))
        return ask(ListPresence{actor(), *conversation, static_cast<std::uint32_t>(context_.dice.between(1, 10)), std::nullopt});
    ask(GetPresence{actor(), std::move(users)});
}

void Device::type() {
    const auto conversation = some_conversation();
    if (!conversation || !session_) return;
    ++busy_;
    network_.frame(*session_, Typing{actor(), *conversation}, [this](Answer) { --busy_; });
}

void Device::on_signal(const Signal& signal) {
    if (const auto* presence = std::get_if<PresenceSignal>(&signal)) presence_[presence->user] = *presence;
}

void Device::leave(bool logs_out) {
    if (has_left_) return;
    has_left_ = true;
    if (logs_out && id_) return ask(CloseSession{actor(), id_});
    if (!session_) return;
    ++busy_;
    network_.frame(*session_, Acknowledge{actor(), read_}, [this](Answer) { --busy_; });
    context_.schedule.after(Micros{300ms}, [this] {
        if (session_) network_.close(*std::exchange(session_, std::nullopt));
    });
}

void Device::check_presence(const std::map<UserId, bool>& truth) const {
    if (!session_ || has_left_) return;
    for (const auto user : watched_) {
        const auto told = presence_.find(user);
        expect(told != presence_.end(), describe() + " was told nothing of user " + to_string(user));
        const bool online = truth.at(user) && (user == person_.id || model_.may_see(user, person_.id));
        expect(told->second.online == online, describe() + " was told that user " + to_string(user) + " is " +
                                                  (online ? "offline, which is wrong" : "online, which is wrong"));
    }
    // Who is told nothing of a friend takes them for offline; a signal that was dropped isn't repeated to a socket that asks for nothing.
    if (context_.plan.signal_dropped > 0) return;
    for (const auto& [user, online] : truth) {
        if (std::ranges::find(watched_, user) != watched_.end() || !model_.are_friends(user, person_.id)) continue;
        const auto told = presence_.find(user);
        const bool is_told_online = told != presence_.end() && told->second.online;
        expect(is_told_online == online, describe() + " takes its friend, user " + to_string(user) + ", for " +
                                             (online ? "offline, which is wrong" : "online, which is wrong"));
    }
}

}  // namespace madang::sim
