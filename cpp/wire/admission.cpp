#include "wire/admission.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/base64url.hpp"
#include "wire/json_object.hpp"
#include "wire/json_writer.hpp"
#include "wire/member_checks.hpp"
#include "wire/objects.hpp"

namespace madang::wire {
namespace {

constexpr std::size_t kIdBytes = 8;
using CodeBytes = std::array<std::uint8_t, kIdBytes + std::tuple_size_v<InviteSecret>>;
static_assert(std::tuple_size_v<CodeBytes> % 3 == 0);

Result<> read(std::string_view body, std::span<JsonMember> members) {
    if (!read_object(body, members)) return fail(Code::bad_request, "the body must be one JSON object, nested at most 32 deep");
    return {};
}

// A whole number from 1 to `max`; 0 when it is left out.
Result<std::uint64_t> count_member(const JsonMember& member, std::uint64_t max) {
    if (!is_given(member)) return 0;
    if (!member.is(JsonMember::Kind::whole) || member.number < 1 || member.number > max)
        return wrong_member(member, "a whole number from 1 to " + std::to_string(max));
    return member.number;
}

}  // namespace

std::string encode_invite_code(const InviteCode& code) {
    CodeBytes bytes;
    auto id = code.conversation.value;
    for (std::size_t i = kIdBytes; i-- > 0; id >>= 8) bytes[i] = static_cast<std::uint8_t>(id);
    std::ranges::copy(code.secret, bytes.begin() + kIdBytes);
    return encode_base64url(bytes);
}

std::optional<InviteCode> parse_invite_code(std::string_view text) {
    CodeBytes bytes;
    if (!decode_base64url(text, bytes)) return std::nullopt;
    InviteCode code;
    for (std::size_t i = 0; i < kIdBytes; ++i) code.conversation.value = code.conversation.value << 8 | bytes[i];
    std::copy(bytes.begin() + kIdBytes, bytes.end(), code.secret.begin());
    return code.conversation ? std::optional(code) : std::nullopt;
}

Result<InviteBody> parse_invite(std::string_view body) {
    std::array<JsonMember, 2> members{JsonMember{.name = "expires_in"}, JsonMember{.name = "max_uses"}};
    if (const auto good = read(body.empty() ? "{}" : body, members); !good) return std::unexpected(good.error());
    const auto seconds = count_member(members[0], kInviteSecondsMax);
    if (!seconds) return std::unexpected(seconds.error());
    const auto uses = count_member(members[1], kInviteUsesMax);
    if (!uses) return std::unexpected(uses.error());
    InviteBody invite{.expires_in = {}, .max_uses = static_cast<std::uint32_t>(*uses)};
    if (*seconds > 0) invite.expires_in = std::chrono::seconds{*seconds};
    return invite;
}

Result<InviteCode> parse_accept(std::string_view body) {
    std::array<JsonMember, 1> members{JsonMember{.name = "code"}};
    if (const auto good = read(body, members); !good) return std::unexpected(good.error());
    const auto text = string_member(members[0]);
    if (!text) return std::unexpected(text.error());
    if (const auto code = parse_invite_code(*text)) return *code;
    return fail(Code::not_found, "there is no such invite, or it has ended");
}

void append_ban(std::string& out, const Ban& ban) {
    out += R"({"user":)";
    append_user(out, ban.user);
    out += R"(,"actor_id":)";
    append_id(out, ban.actor);
    out += R"(,"created_at":)";
    append_time(out, ban.created_at);
    out += '}';
}

void append_invite(std::string& out, ConversationId conversation, const Invite& invite) {
    out += R"({"code":)";
    append_string(out, encode_invite_code({conversation, invite.secret}));
    out += R"(,"creator_id":)";
    append_id(out, invite.creator);
    out += R"(,"created_at":)";
    append_time(out, invite.created_at);
    if (invite.expires_at != Time{}) {
        out += R"(,"expires_at":)";
        append_time(out, invite.expires_at);
    }
    if (invite.max_uses > 0) {
        out += R"(,"max_uses":)";
        append_number(out, invite.max_uses);
    }
    out += R"(,"uses":)";
    append_number(out, invite.uses);
    out += '}';
}

}  // namespace madang::wire
