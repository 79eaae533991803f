// Registrations for pushes, and pushes that were given up. Thread: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/push.hpp"

namespace madang::wire {

// PUT /v1/devices/current/push: any JSON object of up to kRegistrationBytes with a `provider` of 1 to kProviderChars characters; kept as it
// was sent. Errors: bad_request, too_large.
Result<PushRegistration> parse_push_registration(std::string_view body);

// The `next` of a list of pushes: opaque to clients.
std::string encode_push_key(const PushKey& key);
std::optional<PushKey> parse_push_key(std::string_view text);

void append_dead_push(std::string& out, const PushKey& key, const DeadPush& push);
std::string_view word_of(DeadReason reason);

}  // namespace madang::wire
