// Push notifications: where a device may be reached, which notification is meant, and what has become of it. Values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
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

// Whom of a recipient's a notification goes to: a plugin, for one device or for none. By name, since plugins change places.
struct PushTarget {
    std::string plugin;
    DeviceId device;  // none: the plugin takes no registrations

    bool operator==(const PushTarget&) const = default;
};

// A notification that is still to be handed out.
struct Push {
    Time since{};                  // when it was decided
    Time due{};                    // not before
    std::uint32_t attempts = 0;    // that have failed
    std::vector<PushTarget> done;  // reached already, or gone
    std::string error;             // of the last attempt

    bool operator==(const Push&) const = default;
};

enum class DeadReason : std::uint8_t { attempts = 0, age = 1 };

// One that was given up.
struct DeadPush {
    Time since{};
    Time at{};
    std::uint32_t attempts = 0;
    DeadReason reason = DeadReason::age;
    std::string error;

    bool operator==(const DeadPush&) const = default;
};

}  // namespace madang
