// What members do to each other: inviting, removing, roles, mutes. Most of it is refused, for want of a right.
#include "device.hpp"

namespace madang::sim {

void Device::change_members() {
    const auto conversation = some_conversation();
    const auto* peer = some_peer();
    if (!conversation) return;
    const auto kind = context_.dice.below(10);
    if (kind < 1) return ask(RemoveMember{actor(), *conversation, person_.id});
    if (!peer) return;
    if (kind < 3) return ask(RemoveMember{actor(), *conversation, peer->id});
    PutMember put{actor(), *conversation, context_.dice.chance(0.03) ? kGhost : peer->id, std::nullopt, std::nullopt};
    if (kind == 9) put.role = context_.dice.chance(0.6) ? Role::admin : Role::member;
    ask(std::move(put));
}

// For a while that ends within the run, or no longer; a member or one who is invited with it.
void Device::mute_somebody() {
    const auto conversation = some_conversation();
    const auto* peer = some_peer();
    if (!conversation || !peer) return;
    auto until = context_.schedule.clock().now();
    until += context_.dice.chance(0.2) ? -Millis{context_.dice.below(600)} : Millis{context_.dice.below(600)};
    ask(PutMember{actor(), *conversation, peer->id, std::nullopt, until});
}

void Device::hand_over() {
    const auto conversation = some_conversation();
    const auto* peer = some_peer();
    if (conversation && peer) ask(PutMember{actor(), *conversation, peer->id, Role::owner, std::nullopt});
}

}  // namespace madang::sim
