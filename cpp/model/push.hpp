// Push notifications: where a device may be reached, and which notification is meant. Values.
#pragma once

#include <compare>
#include <string>

#include "base/ids.hpp"

namespace madang {

inline constexpr std::size_t kProviderChars = 32;
inline constexpr std::size_t kRegistrationBytes = 4'096;

// As the device gave it.
struct PushRegistration {
    std::string provider;  // empty = none
    std::string json;      // the whole object, the provider in it

    explicit operator bool() const { return !provider.empty(); }
    bool operator==(const PushRegistration&) const = default;
};

// One notification: of one message, for one recipient.
struct PushKey {
    UserId user;
    ConversationId conversation;
    Seq seq;

    auto operator<=>(const PushKey&) const = default;
};

}  // namespace madang
