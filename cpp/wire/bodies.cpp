#include "wire/bodies.hpp"

#include <array>
#include <utility>

#include "base/text.hpp"
#include "wire/json_object.hpp"
#include "wire/member_checks.hpp"
#include "wire/times.hpp"
#include "wire/words.hpp"

namespace madang::wire {
namespace {

using Kind = JsonMember::Kind;

// The named members of a body, in the order of the names.
template <std::size_t N>
Result<std::array<JsonMember, N>> read(std::string_view body, const std::string_view (&names)[N]) {
    std::array<JsonMember, N> members;
    for (std::size_t i = 0; i < N; ++i) members[i].name = names[i];
    if (!read_object(body, members)) return fail(Code::bad_request, "the body must be one JSON object, nested at most 32 deep");
    return members;
}

Result<std::string> short_string(JsonMember& member, std::size_t chars_max) {
    if (!member.is(Kind::string) || code_points(member.text) > chars_max)
        return wrong_member(member, "a string of at most " + std::to_string(chars_max) + " characters");
    return std::move(member.text);
}

Result<std::string> optional_short_string(JsonMember& member, std::size_t chars_max) {
    if (!is_given(member)) return std::string{};
    return short_string(member, chars_max);
}

Result<std::string> password_member(JsonMember& member) {
    if (!member.is(Kind::string) || member.text.size() > kPasswordBytesMax) return wrong_member(member, "a string of at most 1024 bytes");
    return std::move(member.text);
}

template <typename Word>
Result<> optional_word(const JsonMember& member, std::optional<Word>& out) {
    if (!is_given(member)) return {};
    if (member.is(Kind::string)) out = word_of<Word>(member.text);
    if (!out) return wrong_member(member, words_of<Word>());
    return {};
}

Result<ConversationBody> group_body(JsonMember& title, JsonMember& users, JsonMember& client_id, const Limits& limits) {
    GroupBody group;
    auto name = short_string(title, limits.title_chars);
    if (!name) return std::unexpected(name.error());
    group.title = *std::move(name);
    std::vector<std::string> ids;
    if (is_given(users)) {
        constexpr std::string_view kShape = "an array of ids: strings of decimal digits";
        constexpr std::size_t kIdsMax = 1'000;  // the most that limits.group_members may be set to
        if (!users.is(Kind::array) || !read_strings(users.text, kIdsMax, ids)) return wrong_member(users, kShape);
        for (const auto& text : ids) {
            const auto id = parse_id<UserId>(text);
            if (!id) return wrong_member(users, kShape);
            group.members.push_back(*id);
        }
    }
    if (is_given(client_id)) {
        auto id = client_id_member(client_id);
        if (!id) return std::unexpected(id.error());
        group.client_id = *std::move(id);
    }
    return group;
}

}  // namespace

Result<SignUpBody> parse_sign_up(std::string_view body, const Limits& limits) {
    auto members = read(body, {"username", "password", "display_name"});
    if (!members) return std::unexpected(members.error());
    auto& [username, password, display_name] = *members;
    auto name = string_member(username);
    if (!name) return std::unexpected(name.error());
    auto secret = password_member(password);
    if (!secret) return std::unexpected(secret.error());
    if (code_points(*secret) < kPasswordCharsMin) return fail(Code::bad_request, "member `password` must have at least 8 characters");
    auto shown = optional_short_string(display_name, limits.display_name_chars);
    if (!shown) return std::unexpected(shown.error());
    return SignUpBody{*std::move(name), *std::move(secret), *std::move(shown)};
}

Result<LogInBody> parse_log_in(std::string_view body) {
    auto members = read(body, {"username", "password", "device", "credentials"});
    if (!members) return std::unexpected(members.error());
    auto& [username, password, device, credentials] = *members;
    LogInBody log_in;
    if (is_given(credentials)) {
        if (!credentials.is(Kind::object)) return wrong_member(credentials, "an object");
        if (is_given(username) || is_given(password))
            return fail(Code::bad_request, "give either `credentials` or `username` and `password`");
        if (credentials.text.size() > kCredentialsBytesMax)
            return fail(Code::too_large, "member `credentials` takes more than " + std::to_string(kCredentialsBytesMax) + " bytes");
        log_in.credentials = std::move(credentials.text);
    } else {
        auto name = string_member(username);
        if (!name) return std::unexpected(name.error());
        auto secret = password_member(password);
        if (!secret) return std::unexpected(secret.error());
        log_in.username = *std::move(name);
        log_in.password = *std::move(secret);
    }
    if (!is_given(device)) return log_in;
    if (!device.is(Kind::object)) return wrong_member(device, "an object");
    auto parts = read(device.text, {"name", "platform"});
    if (!parts) return std::unexpected(parts.error());
    auto device_name = optional_short_string((*parts)[0], kDeviceNameChars);
    if (!device_name) return std::unexpected(device_name.error());
    auto platform = optional_short_string((*parts)[1], kDeviceNameChars);
    if (!platform) return std::unexpected(platform.error());
    log_in.device_name = *std::move(device_name);
    log_in.platform = *std::move(platform);
    return log_in;
}

Result<AccountPatch> parse_account_patch(std::string_view body, const Limits& limits) {
    auto members = read(body, {"display_name", "settings"});
    if (!members) return std::unexpected(members.error());
    auto& [display_name, settings] = *members;
    AccountPatch patch;
    if (is_given(display_name)) {
        auto shown = short_string(display_name, limits.display_name_chars);
        if (!shown) return std::unexpected(shown.error());
        patch.display_name = *std::move(shown);
    }
    if (is_given(settings)) {
        if (!settings.is(Kind::object)) return wrong_member(settings, "an object");
        if (settings.text.size() > limits.settings_bytes)
            return fail(Code::too_large, "member `settings` must be at most " + std::to_string(limits.settings_bytes) + " bytes");
        patch.settings = std::move(settings.text);
    }
    return patch;
}

Result<ConversationBody> parse_conversation(std::string_view body, const Limits& limits) {
    auto members = read(body, {"kind", "user_id", "title", "members", "client_id"});
    if (!members) return std::unexpected(members.error());
    auto& [kind, user, title, users, client_id] = *members;
    std::optional<ConversationKind> which;
    if (kind.is(Kind::string)) which = word_of<ConversationKind>(kind.text);
    if (!which) return wrong_member(kind, words_of<ConversationKind>());
    if (*which == ConversationKind::room) return fail(Code::bad_request, "this server does not offer rooms");
    if (*which == ConversationKind::group) return group_body(title, users, client_id, limits);
    const auto peer = id_member<UserId>(user);
    if (!peer) return std::unexpected(peer.error());
    return DirectBody{*peer};
}

Result<ConversationPatch> parse_conversation_patch(std::string_view body, const Limits& limits) {
    auto members = read(body, {"title", "settings"});
    if (!members) return std::unexpected(members.error());
    auto& [title, settings] = *members;
    ConversationPatch patch;
    if (is_given(title)) {
        auto name = short_string(title, limits.title_chars);
        if (!name) return std::unexpected(name.error());
        patch.title = *std::move(name);
    }
    if (!is_given(settings)) return patch;
    if (!settings.is(Kind::object)) return wrong_member(settings, "an object");
    auto parts = read(settings.text, {"history", "invite", "mention_all"});
    if (!parts) return std::unexpected(parts.error());
    const auto& [history, invite, mention_all] = *parts;
    if (auto good = optional_word(history, patch.history); !good) return std::unexpected(good.error());
    if (auto good = optional_word(invite, patch.invite); !good) return std::unexpected(good.error());
    if (auto good = optional_word(mention_all, patch.mention_all); !good) return std::unexpected(good.error());
    return patch;
}

Result<MemberBody> parse_member(std::string_view body) {
    auto members = read(body.empty() ? "{}" : body, {"role", "muted_until"});
    if (!members) return std::unexpected(members.error());
    const auto& [role, muted_until] = *members;
    MemberBody member;
    if (muted_until.is(Kind::null)) member.muted_until = Time{};
    if (is_given(muted_until)) {
        if (muted_until.is(Kind::string)) member.muted_until = parse_time(muted_until.text);
        if (!member.muted_until) return wrong_member(muted_until, "a time as of RFC 3339, or null");
    }
    if (auto good = optional_word(role, member.role); !good) return std::unexpected(good.error());
    return member;
}

Result<ViewPatch> parse_view_patch(std::string_view body) {
    auto members = read(body, {"pinned", "archived", "muted_until"});
    if (!members) return std::unexpected(members.error());
    const auto& [pinned, archived, muted_until] = *members;
    ViewPatch patch;
    for (const auto& [member, out] : {std::pair{&pinned, &patch.pinned}, std::pair{&archived, &patch.archived}}) {
        if (!is_given(*member)) continue;
        if (!member->is(Kind::boolean)) return wrong_member(*member, "true or false");
        *out = member->number != 0;
    }
    if (muted_until.is(Kind::null)) patch.muted_until = Time{};
    if (is_given(muted_until)) {
        if (muted_until.is(Kind::string)) patch.muted_until = parse_time(muted_until.text);
        if (!patch.muted_until) return wrong_member(muted_until, "a time as of RFC 3339, or null");
    }
    return patch;
}

Result<Seq> parse_read(std::string_view body) {
    auto members = read(body, {"seq"});
    if (!members) return std::unexpected(members.error());
    const auto seq = whole_number(members->front());
    if (!seq) return std::unexpected(seq.error());
    return Seq{*seq};
}

Result<MessageBody> parse_message(std::string_view body) {
    auto members = read(body, {"client_id", "text"});
    if (!members) return std::unexpected(members.error());
    auto& [client_id, text] = *members;
    auto id = client_id_member(client_id);
    if (!id) return std::unexpected(id.error());
    auto characters = string_member(text);
    if (!characters) return std::unexpected(characters.error());
    return MessageBody{*std::move(id), *std::move(characters)};
}

Result<std::string> parse_message_patch(std::string_view body) {
    auto members = read(body, {"text"});
    if (!members) return std::unexpected(members.error());
    return string_member((*members)[0]);
}

}  // namespace madang::wire
