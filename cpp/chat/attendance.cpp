// Who is here: what sockets, polls and signing out mean for a user's presence, and what follows when it changes.
#include <algorithm>

#include "chat/engine_state.hpp"

namespace madang {
namespace {

constexpr Millis kPresentEvery{60'000};
constexpr std::size_t kPresentATick = 500;  // sockets; the others in the next ticks

// last_seen_at is stored at most once a minute; in memory it is exact.
auto minute_of(Time time) { return std::chrono::floor<std::chrono::minutes>(time.time_since_epoch()); }

}  // namespace

// Whatever a socket sends besides requests, the engine doesn't see; but one that had been silent for `offline_after` would be closed.
void Engine::State::note_present() {
    const auto now = clock_.tick();
    for (auto left = kPresentATick; left > 0 && !present_.empty() && present_.front().first <= now; --left) {
        const auto [id, session] = present_.front().second;
        present_.pop_front();
        auto* user = users_.find(id);
        if (!user) continue;
        const auto socket = std::ranges::find(user->subscriptions, session, &Subscription::session);
        if (socket == user->subscriptions.end() || !socket->is_present) continue;
        note_active(*user, socket->device, clock_.now() - options_.limits.offline_after);
        present_.emplace_back(now + kPresentEvery, std::pair(id, session));
    }
}

void Engine::State::expect_present(UserId user, SessionId session) {
    present_.emplace_back(clock_.tick() + kPresentEvery, std::pair(user, session));
}

void Engine::State::arrive(UserState& user) {
    if (attendance_.arrive(user.presence)) presence_changed(user);
}

void Engine::State::depart(UserState& user, DeviceId device, Tick heard) {
    const auto now = clock_.tick();
    note_active(user, device, clock_.now() - std::max(now - heard, Tick{0}));
    if (attendance_.depart(user.presence, user.id, device, heard, now)) presence_changed(user);
}

void Engine::State::hear(UserState& user, DeviceId device) { attendance_.hear(user.presence, user.id, device, clock_.tick()); }

void Engine::State::leave(UserState& user, DeviceId device, std::uint32_t attached) {
    if (attendance_.sign_out(user.presence, user.id, device, attached)) presence_changed(user);
}

void Engine::State::note_active(UserState& user, DeviceId id, Time at) {
    user.presence.last_active_at = std::max(user.presence.last_active_at, at);
    auto* device = user.find_device(id);
    if (!device) return;
    const auto seen_before = std::exchange(device->last_seen_at, std::max(device->last_seen_at, at));
    if (minute_of(seen_before) >= minute_of(device->last_seen_at) || !store_.has_space()) return;
    put_device(user, *device);
    touch(user);
}

void Engine::State::end_presences() {
    attendance_.turn(clock_.tick(), [this](UserId id) {
        auto* user = users_.find(id);  // whoever is online is in memory
        if (user && attendance_.expire(user->presence, id)) presence_changed(*user);
    });
}

void Engine::State::presence_changed(UserState& user) {
    ++figures_.presence_changes;
    user.presence.online ? ++figures_.online : --figures_.online;
    if (const auto found = watching_.leased.find(user.id); found != watching_.leased.end()) {
        auto& state = found->second.state;
        state.online = user.presence.online;
        state.last_active_at = user.presence.last_active_at;
        state.version = ++watching_.last_version;
        engines_to_tell(user.id, found->second);
    }
    for (const auto& relation : user.relations.all())
        if (are_friends(user, relation.other)) user.presence.online ? watch(user, relation.other) : unwatch(user, relation.other);
}

}  // namespace madang
