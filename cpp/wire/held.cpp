#include "wire/held.hpp"

#include <array>

#include "wire/json_object.hpp"
#include "wire/json_writer.hpp"
#include "wire/member_checks.hpp"
#include "wire/objects.hpp"
#include "wire/words.hpp"

namespace madang::wire {

template <>
inline constexpr std::array<std::string_view, 2> kWords<ReviewAction>{"release", "refuse"};

Result<ReviewAction> parse_review(std::string_view body) {
    std::array<JsonMember, 1> members{JsonMember{.name = "action"}};
    if (!read_object(body, members)) return fail(Code::bad_request, "the body must be one JSON object, nested at most 32 deep");
    if (members[0].is(JsonMember::Kind::string))
        if (const auto action = word_of<ReviewAction>(members[0].text)) return *action;
    return wrong_member(members[0], words_of<ReviewAction>());
}

void append_held(std::string& out, HeldId id, std::string_view client_id, std::string_view reason) {
    out += R"({"held_id":)";
    append_id(out, id);
    out += R"(,"client_id":)";
    append_string(out, client_id);
    out += R"(,"reason":)";
    append_string(out, reason);
    out += '}';
}

void append_held_message(std::string& out, const HeldMessage& held) {
    out += R"({"held_id":)";
    append_id(out, held.id);
    out += R"(,"conversation_id":)";
    append_id(out, held.conversation);
    out += R"(,"sender_id":)";
    append_id(out, held.sender);
    out += R"(,"sender_username":)";
    append_string(out, held.sender_username);
    out += R"(,"client_id":)";
    append_string(out, held.client_id);
    out += R"(,"text":)";
    append_string(out, held.text);
    out += R"(,"reason":)";
    append_string(out, held.reason);
    out += R"(,"created_at":)";
    append_time(out, held.created_at);
    out += '}';
}

void append_reviewed(std::string& out, HeldId id, const Entry* message) {
    out += R"({"held_id":)";
    append_id(out, id);
    out.append(R"(,"state":")").append(message ? "released" : "refused").append("\"");
    if (message) {
        out += R"(,"message":)";
        append_message(out, *message);
    }
    out += '}';
}

}  // namespace madang::wire
