// The review queue: its objects and bodies. Immutable, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/entry.hpp"
#include "model/held.hpp"

namespace madang::wire {

enum class ReviewAction : std::uint8_t { release = 0, refuse = 1 };

// POST /v1/admin/held/{held_id}.
Result<ReviewAction> parse_review(std::string_view body);

// What the sender is told: `{held_id, client_id, reason}`.
void append_held(std::string& out, HeldId id, std::string_view client_id, std::string_view reason);
// What operators see.
void append_held_message(std::string& out, const HeldMessage& held);
// What became of it: with the message, if it was released.
void append_reviewed(std::string& out, HeldId id, const Entry* message);

}  // namespace madang::wire
