#include "chat/presence.hpp"

#include "base/mutant.hpp"
#include "base/result.hpp"

namespace madang {

bool Attendance::arrive(Presence& presence) {
    ++presence.attached;
    return !std::exchange(presence.online, true);
}

bool Attendance::depart(Presence& presence, UserId user, DeviceId device, Tick heard, Tick now) {
    MADANG_ASSERT(presence.attached > 0);
    --presence.attached;
    if (!mutant(Mutant::offline_on_cut)) linger(user, device, heard + offline_after_, now);
    return expire(presence, user);
}

void Attendance::hear(const Presence& presence, UserId user, DeviceId device, Tick now) {
    if (presence.online) linger(user, device, now + offline_after_, now);
}

bool Attendance::sign_out(Presence& presence, UserId user, DeviceId device, std::uint32_t attached) {
    MADANG_ASSERT(presence.attached >= attached);
    presence.attached -= attached;
    if (const auto found = until_.find({user, device}); found != until_.end()) {
        due_.erase({found->second, user, device});
        until_.erase(found);
    }
    return expire(presence, user);
}

bool Attendance::expire(Presence& presence, UserId user) const {
    if (!presence.online || presence.attached > 0 || lingers(user)) return false;
    presence.online = false;
    return true;
}

void Attendance::linger(UserId user, DeviceId device, Tick until, Tick now) {
    if (until <= now) return;
    const auto [at, is_new] = until_.try_emplace({user, device}, until);
    if (!is_new) {
        if (at->second >= until) return;
        due_.erase({at->second, user, device});
        at->second = until;
    }
    due_.emplace(until, user, device);
}

bool Attendance::lingers(UserId user) const {
    const auto first = until_.lower_bound({user, DeviceId{}});
    return first != until_.end() && first->first.first == user;
}

}  // namespace madang
