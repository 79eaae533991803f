#include "wire/pushes.hpp"

#include <array>

#include "base/text.hpp"
#include "wire/json_object.hpp"
#include "wire/json_writer.hpp"
#include "wire/member_checks.hpp"

namespace madang::wire {

Result<PushRegistration> parse_push_registration(std::string_view body) {
    if (body.size() > kRegistrationBytes)
        return fail(Code::too_large, "a registration takes more than " + std::to_string(kRegistrationBytes) + " bytes");
    std::array<JsonMember, 1> members;
    members[0].name = "provider";
    if (!read_object(body, members)) return fail(Code::bad_request, "the body must be one JSON object, nested at most 32 deep");
    auto& provider = members[0];
    if (!provider.is(JsonMember::Kind::string) || provider.text.empty() || code_points(provider.text) > kProviderChars)
        return wrong_member(provider, "a string of 1 to " + std::to_string(kProviderChars) + " characters");
    return PushRegistration{std::move(provider.text), std::string(body)};
}

std::string encode_push_key(const PushKey& key) {
    return to_string(key.user) + '.' + to_string(key.conversation) + '.' + to_string(key.seq);
}

std::optional<PushKey> parse_push_key(std::string_view text) {
    const auto part = [&text]<typename Id>(std::type_identity<Id>) {
        const auto end = text.find('.');
        const auto id = parse_id<Id>(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        return id;
    };
    const auto user = part(std::type_identity<UserId>{});
    const auto conversation = part(std::type_identity<ConversationId>{});
    const auto seq = part(std::type_identity<Seq>{});
    if (!user || !conversation || !seq || !text.empty()) return std::nullopt;
    return PushKey{*user, *conversation, *seq};
}

std::string_view word_of(DeadReason reason) { return reason == DeadReason::age ? "age" : "attempts"; }

void append_dead_push(std::string& out, const PushKey& key, const DeadPush& push) {
    out += "{\"user_id\":";
    append_id(out, key.user);
    out += ",\"conversation_id\":";
    append_id(out, key.conversation);
    out += ",\"seq\":";
    append_number(out, key.seq.value);
    out += ",\"since\":";
    append_time(out, push.since);
    out += ",\"given_up_at\":";
    append_time(out, push.at);
    out += ",\"attempts\":";
    append_number(out, push.attempts);
    out += ",\"reason\":";
    append_string(out, word_of(push.reason));
    out += ",\"error\":";
    append_string(out, push.error);
    out += '}';
}

}  // namespace madang::wire
