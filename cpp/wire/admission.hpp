// Bans and invites: their objects and bodies, and the code of an invite. Immutable, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/admission.hpp"

namespace madang::wire {

inline constexpr std::uint64_t kInviteSecondsMax = 366 * 86'400;  // `expires_in`; more: bad_request
inline constexpr std::uint64_t kInviteUsesMax = 10'000;           // `max_uses`, likewise

// What a link holds: base64url(conversation ‖ secret), 32 characters. The conversation is named so that its engine can be asked.
struct InviteCode {
    ConversationId conversation;
    InviteSecret secret{};

    bool operator==(const InviteCode&) const = default;
};
std::string encode_invite_code(const InviteCode& code);
// Empty on anything that encode_invite_code can't have made.
std::optional<InviteCode> parse_invite_code(std::string_view text);

// POST /v1/conversations/{id}/invites. An empty body is as good as `{}`.
struct InviteBody {
    std::optional<Millis> expires_in;  // in the body whole seconds, at least 1
    std::uint32_t max_uses = 0;        // left out = 0 = any number
};
Result<InviteBody> parse_invite(std::string_view body);
// POST /v1/invites/accept. Errors: bad_request (no string), not_found (no code).
Result<InviteCode> parse_accept(std::string_view body);

void append_ban(std::string& out, const Ban& ban);
void append_invite(std::string& out, ConversationId conversation, const Invite& invite);

}  // namespace madang::wire
