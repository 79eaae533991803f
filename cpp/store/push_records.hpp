// The records of pushes: what is still to be handed out, and what was given up. Their keys are in keys.hpp.
// Thread: any. Errors of decoders: internal on anything else than exactly one record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace madang {

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

void encode(const Push& push, std::string& out);
Result<Push> decode_push(std::string_view bytes);
void encode(const DeadPush& push, std::string& out);
Result<DeadPush> decode_dead_push(std::string_view bytes);

}  // namespace madang
