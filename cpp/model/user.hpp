// Accounts and their devices. Values.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"
#include "model/push.hpp"

namespace madang {

// What others see of an account; copied into a conversation's members.
struct Profile {
    UserId id;
    std::string username;      // as signed up; unique under case folding; never changes
    std::string display_name;  // may be empty
    Time created_at{};

    bool operator==(const Profile&) const = default;
};

struct Account {
    Profile profile;
    std::string settings = "{}";  // the client's own JSON object, kept as text
    std::string password_hash;    // Argon2id in PHC form; empty = no password (made by a plugin or an administrator)
    std::string origin = "password";
    std::vector<std::string> roles;  // server roles, e.g. "operator"
    bool disabled = false;
    Time last_active_at{};  // as of the last sign-out of a device; devices that are signed in say more

    bool operator==(const Account&) const = default;
};

// One log-in: a phone, a browser, a bot.
struct Device {
    DeviceId id;
    std::string name;
    std::string platform;
    Digest256 secret_hash{};  // SHA-256 of the token's random part
    Time created_at{};
    Time last_seen_at{};  // may lag a minute
    Time expires_at{};
    Cursor acked;           // stored up to here by this device; may forget a second of them in a crash
    PushRegistration push;  // where it may be reached when it isn't here

    bool operator==(const Device&) const = default;
};

}  // namespace madang
