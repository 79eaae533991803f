// The JSON bodies of HTTP requests, parsed to typed values. Every error is a bad_request (or too_large) that names the member.
// Thread: any. Checked here is the shape; what needs the world (does the user exist, is the text too long) is the engine's to say.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "model/conversation.hpp"

namespace madang::wire {

inline constexpr std::size_t kPasswordCharsMin = 8;
inline constexpr std::size_t kPasswordBytesMax = 1'024;  // more: bad_request, so that hashing stays cheap
inline constexpr std::size_t kDeviceNameChars = 100;     // of a device's name and platform; more: bad_request

inline constexpr std::size_t kCredentialsBytesMax = 64 << 10;

// POST /v1/users. `display_name` may be left out.
struct SignUpBody {
    std::string username;
    std::string password;
    std::string display_name;
};
Result<SignUpBody> parse_sign_up(std::string_view body, const Limits& limits);

// POST /v1/sessions: either name and password or `credentials`, a JSON object for the plugin that authenticates (more than
// kCredentialsBytesMax: too_large). `device` and its members may be left out.
struct LogInBody {
    std::string credentials;  // compact JSON; empty = by password
    std::string username;
    std::string password;
    std::string device_name;
    std::string platform;
};
Result<LogInBody> parse_log_in(std::string_view body);

// PATCH /v1/users/me. What is left out stays. `settings` is any JSON object, kept as compact text; over settings_bytes: too_large.
struct AccountPatch {
    std::optional<std::string> display_name;
    std::optional<std::string> settings;
};
Result<AccountPatch> parse_account_patch(std::string_view body, const Limits& limits);

// POST /v1/conversations.
struct DirectBody {
    UserId user;
};
struct GroupBody {
    std::string title;
    std::vector<UserId> members;
    std::string client_id;  // empty = none
};
using ConversationBody = std::variant<DirectBody, GroupBody>;
Result<ConversationBody> parse_conversation(std::string_view body, const Limits& limits);

// PATCH /v1/conversations/{id}. What is left out stays.
struct ConversationPatch {
    std::optional<std::string> title;
    std::optional<HistoryAccess> history;
    std::optional<InviteRight> invite;
    std::optional<MentionAllRight> mention_all;
};
Result<ConversationPatch> parse_conversation_patch(std::string_view body, const Limits& limits);

// PUT /v1/conversations/{id}/members/{user_id}. An empty body is as good as `{}`.
struct MemberBody {
    std::optional<Role> role;
    std::optional<Time> muted_until;  // null in the body: the epoch, which lifts the mute as any past time does
};
Result<MemberBody> parse_member(std::string_view body);

// PATCH /v1/conversations/{id}/me. What is left out stays.
struct ViewPatch {
    std::optional<bool> pinned;
    std::optional<bool> archived;
    std::optional<Time> muted_until;  // null in the body: the epoch, which is no mute
};
Result<ViewPatch> parse_view_patch(std::string_view body);

// PUT /v1/conversations/{id}/read.
Result<Seq> parse_read(std::string_view body);

// POST /v1/conversations/{id}/messages.
struct MessageBody {
    std::string client_id;
    std::string text;
};
Result<MessageBody> parse_message(std::string_view body);

// PATCH /v1/conversations/{id}/messages/{seq}: the new text.
Result<std::string> parse_message_patch(std::string_view body);

}  // namespace madang::wire
