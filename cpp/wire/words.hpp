// The protocol's words for the model's enumerations: one table each, read in both directions. Immutable, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/conversation.hpp"
#include "model/entry.hpp"
#include "model/signal.hpp"

namespace madang::wire {

// In the order of the enumerators, which count from 0.
template <typename Enum>
inline constexpr std::array<std::string_view, 0> kWords{};
template <>
inline constexpr std::array<std::string_view, 3> kWords<ConversationKind>{"direct", "group", "room"};
template <>
inline constexpr std::array<std::string_view, 3> kWords<Role>{"member", "admin", "owner"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<HistoryAccess>{"joined", "all"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<InviteRight>{"members", "admins"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<MentionAllRight>{"admins", "members"};
template <>
inline constexpr std::array<std::string_view, 4> kWords<FriendState>{"none", "requested", "asked", "friends"};
template <>
inline constexpr std::array<std::string_view, 2> kWords<ReceiptKind>{"delivered", "read"};

template <typename Enum>
constexpr std::string_view word(Enum value) {
    return kWords<Enum>[static_cast<std::size_t>(value)];
}

template <typename Enum>
constexpr std::optional<Enum> word_of(std::string_view text) {
    for (std::size_t i = 0; i < kWords<Enum>.size(); ++i)
        if (kWords<Enum>[i] == text) return static_cast<Enum>(i);
    return std::nullopt;
}

// For error details: "one of direct, group, room".
template <typename Enum>
std::string words_of() {
    std::string text = "one of ";
    for (const auto each : kWords<Enum>) text.append(each).append(", ");
    text.resize(text.size() - 2);
    return text;
}

}  // namespace madang::wire
