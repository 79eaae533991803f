// The bans and the invite links of one conversation: rows of their own beside the log, in memory whenever the conversation is.
//
// Owner and thread: the conversation's engine's. It writes nothing and checks no rights: whoever changes it stores the row in the same
// turn. Limits: kBansMax and kInvitesMax, which the engine keeps (one more: group_full).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/admission.hpp"

namespace madang {

class Admission {
  public:
    static constexpr std::size_t kBansMax = 1'000;
    static constexpr std::size_t kInvitesMax = 100;  // live ones

    Admission() = default;
    // In any order.
    Admission(std::vector<Ban> bans, std::vector<Invite> invites);

    const Ban* find_ban(UserId user) const;  // null = not banned
    void add(Ban ban);                       // of one who is not banned
    void remove_ban(UserId user);
    std::span<const Ban> bans() const { return bans_; }  // rising user ids

    const Invite* find_invite(const InviteSecret& secret) const;  // dead ones, too, until they are removed
    void add(Invite invite);
    // One more has joined by it.
    const Invite& count_use(const InviteSecret& secret);
    void remove_invite(const InviteSecret& secret);
    std::span<const Invite> invites() const { return invites_; }  // rising secrets

  private:
    std::vector<Ban> bans_;
    std::vector<Invite> invites_;
};

}  // namespace madang
