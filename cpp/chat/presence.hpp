// Who is here: the state machine behind "online". A user is online from the first attached socket (or open long poll) on, until no device
// has been heard for `offline_after`, or at once when the last device that was here signs out. Losing a connection alone changes nothing.
//
// Owner and thread: the users' engine. Limits: `Presence` is 16 bytes for every user in memory; a device that went away without signing out
// takes some 150 bytes more until its time is over.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang {

struct Presence {
    Time last_active_at{};       // epoch = never. While sockets are open it lags: their frames don't pass the engine
    std::uint32_t attached = 0;  // sockets since their attach, and open long polls
    bool online = false;
};

class Attendance {
  public:
    explicit Attendance(Millis offline_after) : offline_after_(offline_after) {}

    // Each answers whether the user is online now and was not, or the other way round.

    // A socket was attached, or a long poll opened.
    bool arrive(Presence& presence);
    // One of these has ended; its last frame was heard then.
    bool depart(Presence& presence, UserId user, DeviceId device, Tick heard, Tick now);
    // A frame of a device without a socket. Keeps its user here, and brings nobody.
    void hear(const Presence& presence, UserId user, DeviceId device, Tick now);
    // `attached` of this device's sockets and polls count no more, whatever becomes of them.
    bool sign_out(Presence& presence, UserId user, DeviceId device, std::uint32_t attached);
    // None of the user's devices may be heard from any more.
    bool expire(Presence& presence, UserId user) const;

    // Calls `over(user)` for each device whose time is over: expire() says what that means.
    template <typename Over>
    void turn(Tick now, Over over) {
        while (!due_.empty() && std::get<Tick>(*due_.begin()) <= now) {
            const auto [at, user, device] = *due_.begin();
            due_.erase(due_.begin());
            until_.erase({user, device});
            over(user);
        }
    }

  private:
    void linger(UserId user, DeviceId device, Tick until, Tick now);
    bool lingers(UserId user) const;

    Millis offline_after_;
    std::map<std::pair<UserId, DeviceId>, Tick> until_;  // devices that may come back, by when they must
    std::set<std::tuple<Tick, UserId, DeviceId>> due_;   // the same by time
};

}  // namespace madang
