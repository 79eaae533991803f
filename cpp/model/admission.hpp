// Who may come into a group without being invited by a member, and who may not come in at all. Values.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "model/user.hpp"

namespace madang {

// Until it is lifted, nobody can invite the user, and no link lets them in.
struct Ban {
    Profile user;  // as of the ban
    UserId actor;  // who banned them
    Time created_at{};

    bool operator==(const Ban&) const = default;
};

// 128 random bits: nobody guesses one. Kept as it is, not as a hash: members list their links to pass them on, and who reads the store
// reads the messages, too.
using InviteSecret = std::array<std::uint8_t, 16>;

// A link by which anybody who has it may join.
struct Invite {
    InviteSecret secret{};
    UserId creator;
    Time created_at{};
    Time expires_at{};           // epoch = never
    std::uint32_t max_uses = 0;  // 0 = any number
    std::uint32_t uses = 0;      // joins by it

    bool is_live(Time now) const { return (expires_at == Time{} || expires_at > now) && (max_uses == 0 || uses < max_uses); }
    bool operator==(const Invite&) const = default;
};

}  // namespace madang
