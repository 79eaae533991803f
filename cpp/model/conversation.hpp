// Conversations and their members. Values.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "model/user.hpp"

namespace madang {

enum class ConversationKind : std::uint8_t { direct = 0, group = 1, room = 2 };
enum class Role : std::uint8_t { member = 0, admin = 1, owner = 2 };  // rising rights

enum class HistoryAccess : std::uint8_t { joined = 0, all = 1 };
enum class InviteRight : std::uint8_t { members = 0, admins = 1 };
enum class MentionAllRight : std::uint8_t { admins = 0, members = 1 };

struct ConversationSettings {
    HistoryAccess history = HistoryAccess::joined;
    InviteRight invite = InviteRight::members;
    MentionAllRight mention_all = MentionAllRight::admins;

    bool operator==(const ConversationSettings&) const = default;
};

struct Conversation {
    ConversationId id;
    ConversationKind kind = ConversationKind::direct;
    std::string title;  // empty for a direct one
    UserId creator;
    Time created_at{};
    ConversationSettings settings;
    std::uint32_t members_count = 0;

    bool operator==(const Conversation&) const = default;
};

// A stay: member from the entry `joined` up to and including the entry `left` (none = still there).
struct Stay {
    Seq joined;
    Seq left;

    bool operator==(const Stay&) const = default;
};

// Of one member in one conversation: each entry about a member holds them, so that who comes and goes for ever would fill the disk.
inline constexpr std::size_t kStaysMax = 100;

struct Member {
    Profile user;  // as of joining; the user's own slot has the present one
    Role role = Role::member;
    Time muted_until{};       // by a moderator; epoch = not muted
    std::vector<Stay> stays;  // rising; never empty; kept for ever, so that membership is known as of every seq

    bool present() const { return !stays.back().left; }
    bool may_come_again() const { return stays.size() < kStaysMax; }
    Seq joined_seq() const { return stays.back().joined; }
    // The stay that this seq falls into; null = no member as of it.
    const Stay* stay_at(Seq seq) const;
    bool addressed(Seq seq) const { return stay_at(seq) != nullptr; }
    // The last entry before `seq` as of which this user was a member; none = never.
    Seq addressed_before(Seq seq) const;
    bool operator==(const Member&) const = default;
};

// How far a member has come: one of their devices has everything up to `delivered`, and they have read everything up to `read`, which
// implies the other. Both only rise; none = nothing yet. No entry of the log says so.
struct Receipt {
    Seq delivered;
    Seq read;

    // True: this one says more now.
    bool merge(const Receipt& other) {
        const Receipt before = *this;
        read = std::max(read, other.read);
        delivered = std::max({delivered, other.delivered, read});
        return *this != before;
    }
    bool covers(const Receipt& other) const { return delivered >= other.delivered && read >= other.read; }
    bool operator==(const Receipt&) const = default;
};

struct MemberReceipt {
    UserId user;
    Receipt receipt;

    bool operator==(const MemberReceipt&) const = default;
};

// What one user has of a conversation for themselves: how far it is read, and how it is shown to them.
struct OwnView {
    Seq read_seq;
    std::uint32_t unread = 0, unread_mentions = 0;
    bool pinned = false;
    bool archived = false;
    Time muted_until{};  // by the user, against notifications; epoch = not muted

    bool operator==(const OwnView&) const = default;
};

}  // namespace madang
