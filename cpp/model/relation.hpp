// What two users are to each other: friends, or one has asked; and who blocks whom. Values.
//
// A pair's record is the truth and lives in the pair's slot. A Relation is a user's copy of it, in the user's own slot: it lags behind for
// as long as a message takes, and then says the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "model/entry.hpp"
#include "model/user.hpp"

namespace madang {

enum class RelationAct : std::uint8_t { befriend = 0, unfriend = 1, block = 2, unblock = 3 };

// The side of `me` in a pair: 0 = the lower id, 1 = the higher one.
constexpr std::size_t side_of(UserId me, UserId other) { return me < other ? 0 : 1; }

struct Pair {
    // Who has asked whom. Kept through blocks, which only hide it.
    enum class Stage : std::uint8_t { none = 0, lower_asked = 1, higher_asked = 2, friends = 3 };

    ConversationId direct;  // none = no direct conversation yet
    Stage stage = Stage::none;
    std::array<bool, 2> blocks{};  // by side: blocks the other one
    std::array<bool, 2> gone{};    // by side: that account was deleted
    std::uint64_t version = 0;     // rises by one with every change of stage, blocks and gone; 0 = never one

    // Nothing may be written between the two.
    bool is_closed() const { return blocks[0] || blocks[1] || gone[0] || gone[1]; }
    bool operator==(const Pair&) const = default;
};

struct Relation {
    UserId other;
    std::uint64_t version = 0;              // of the pair: which change this copy is as of
    FriendState state = FriendState::none;  // what the user is shown: none while the user blocks the other one
    bool blocks = false;
    bool blocked_by = false;  // never shown to the user

    bool is_blocked() const { return blocks || blocked_by; }
    bool is_neutral() const { return state == FriendState::none && !is_blocked(); }
    bool operator==(const Relation&) const = default;
};

// One change of a pair on its way to both copies.
struct RelationChange {
    std::array<Profile, 2> people;      // by side
    std::array<Relation, 2> relations;  // by side: what that user's copy becomes
    std::array<bool, 2> tells{};        // by side: what that user is shown has changed, so there is a friend.updated
    Time at{};

    std::uint64_t version() const { return relations[0].version; }
    bool operator==(const RelationChange&) const = default;
};

}  // namespace madang
