// What members do to each other: inviting, removing, roles, mutes, bans, links. Much of it is refused, for want of a right.
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

// ---- bans and links ---------------------------------------------------------------------------------------------------------------------

void Device::ban_somebody() {
    const auto conversation = some_conversation();
    const auto* peer = some_peer();
    if (!conversation || !peer) return;
    ask(PutBan{actor(), *conversation, context_.dice.chance(0.03) ? kGhost : peer->id});
}

void Device::lift_ban() {
    const auto conversation = some_conversation();
    const auto* peer = some_peer();
    if (conversation && peer) ask(RemoveBan{actor(), *conversation, peer->id});
}

void Device::read_admission() {
    const auto conversation = some_conversation();
    const auto limit = static_cast<std::uint32_t>(context_.dice.between(1, 5));
    if (!conversation) return;
    if (context_.dice.chance(0.5)) return ask(ListBans{actor(), *conversation, limit, std::nullopt});
    ask(ListInvites{actor(), *conversation, limit, std::nullopt});
}

InviteSecret Device::new_secret() {
    InviteSecret secret{};
    for (auto& byte : secret) byte = static_cast<std::uint8_t>(context_.dice.below(256));
    return secret;
}

void Device::make_link() {
    const auto conversation = some_conversation();
    if (!conversation) return;
    CreateInvite create{actor(), *conversation, new_secret(), std::nullopt, static_cast<std::uint32_t>(context_.dice.below(4))};
    if (context_.dice.chance(0.2)) create.expires_in = Millis{context_.dice.between(1, 800)};
    ask(create, [this, create](const Answer& answer) {
        if (answer && *answer) town_.links.emplace_back(create.conversation, create.secret);
    });
}

// Perhaps twice at once, as one who has lost an answer does.
void Device::join_by_link() {
    if (town_.links.empty()) return make_link();
    const auto [conversation, secret] = context_.dice.pick(town_.links);
    const auto ask_once = [&] {
        ask(AcceptInvite{actor(), conversation, secret}, [this, conversation](const Answer& answer) {
            if (answer && *answer) learn(conversation);
        });
    };
    if (context_.dice.chance(0.2)) ask_once();
    ask_once();
}

void Device::revoke_link() {
    if (town_.links.empty() || context_.dice.chance(0.5)) return;
    const auto [conversation, secret] = context_.dice.pick(town_.links);
    ask(RevokeInvite{actor(), conversation, secret});
}

}  // namespace madang::sim
