// Strong identifiers. Two of different kinds never mix; none of them is a bare integer in a signature.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace madang {

template <typename Tag>
struct StrongId {
    std::uint64_t value = 0;  // 0 = none

    constexpr StrongId() = default;
    constexpr explicit StrongId(std::uint64_t v) : value(v) {}
    constexpr auto operator<=>(const StrongId&) const = default;
    constexpr explicit operator bool() const { return value != 0; }
};

using UserId = StrongId<struct UserTag>;
using ConversationId = StrongId<struct ConversationTag>;
using MessageId = StrongId<struct MessageTag>;  // time-ordered, for links and display; never a cursor
using DeviceId = StrongId<struct DeviceTag>;
using HeldId = StrongId<struct HeldTag>;  // of a message that waits for a reviewer; in order of time, its low bits the conversation's slot
using Seq = StrongId<struct SeqTag>;      // position in a conversation's log: 1, 2, 3 … without holes
using Cursor = StrongId<struct CursorTag>;      // position in a user's inbox: 1, 2, 3 … without holes
using SessionId = StrongId<struct SessionTag>;  // one attached socket; unique in the process, never stored

template <typename Tag>
constexpr StrongId<Tag> next(StrongId<Tag> id) {
    return StrongId<Tag>{id.value + 1};
}

// The unit of ownership: one of 4,096, the low 12 bits of a user's or a conversation's id, for ever (decision 0001).
using Slot = std::uint16_t;
inline constexpr unsigned kSlots = 4096;

constexpr Slot slot_of(UserId id) { return static_cast<Slot>(id.value & (kSlots - 1)); }
constexpr Slot slot_of(ConversationId id) { return static_cast<Slot>(id.value & (kSlots - 1)); }
constexpr Slot slot_of(HeldId id) { return static_cast<Slot>(id.value & (kSlots - 1)); }

// Engines of one process share the slots evenly. No stored key depends on this, so `engines` may change at any start.
using EngineIndex = std::uint16_t;
constexpr EngineIndex owner_of(Slot slot, unsigned engines) { return static_cast<EngineIndex>(slot % engines); }

// Ids travel as decimal strings: JavaScript loses digits past 2^53. Empty on anything but 1–20 digits that fit 64 bits.
template <typename Id>
std::optional<Id> parse_id(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0) return std::nullopt;
    return Id{value};
}

template <typename Tag>
std::string to_string(StrongId<Tag> id) {
    return std::to_string(id.value);
}

}  // namespace madang

template <typename Tag>
struct std::hash<madang::StrongId<Tag>> {
    // Ids end in a slot that all keys of one engine share: mix, or buckets collide.
    std::size_t operator()(madang::StrongId<Tag> id) const noexcept {
        std::uint64_t x = id.value * 0x9E3779B97F4A7C15ull;
        return x ^ (x >> 32);
    }
};
