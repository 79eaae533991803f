// What is said to sockets and kept nowhere: it may be dropped, and a client that was away asks instead.
#pragma once

#include <variant>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang {

inline constexpr std::size_t kWatchUsersMax = 1'000;  // whose presence one socket is shown

struct PresenceSignal {
    UserId user;
    bool online = false;
    Time last_active_at{};  // epoch = not told

    bool operator==(const PresenceSignal&) const = default;
};
struct TypingSignal {
    ConversationId conversation;
    UserId user;
    Time expires_at{};

    bool operator==(const TypingSignal&) const = default;
};
enum class ReceiptKind : std::uint8_t { delivered = 0, read = 1 };
// The user has everything up to `seq`.
struct ReceiptSignal {
    ConversationId conversation;
    UserId user;
    ReceiptKind kind = ReceiptKind::delivered;
    Seq seq;

    bool operator==(const ReceiptSignal&) const = default;
};
using Signal = std::variant<PresenceSignal, TypingSignal, ReceiptSignal>;

}  // namespace madang
