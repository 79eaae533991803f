// Who is online.
#include <utility>

#include "net/routes.hpp"
#include "wire/objects.hpp"

namespace madang::net {
namespace {

void answer_presence(Call& call, const PresencePage& page) {
    std::string json;
    wire::append_list(json, "presence", page.presence, page.next ? to_string(*page.next) : "", wire::append_presence);
    call.answer(200, std::move(json));
}

// "1,2,3".
Result<std::vector<UserId>> users_parameter(const Call& call) {
    const auto text = call.query().find("users");
    if (!text) return fail(Code::bad_request, "parameter `users` is missing");
    std::vector<UserId> users;
    for (std::size_t at = 0; at <= text->size();) {
        const auto end = std::min(text->find(',', at), text->size());
        const auto id = parse_id<UserId>(text->substr(at, end - at));
        if (!id) return fail(Code::bad_request, "parameter `users` must be ids separated by commas");
        users.push_back(*id);
        if (users.size() > call.limits().page_items)
            return fail(Code::bad_request, "parameter `users` may have " + std::to_string(call.limits().page_items) + " ids");
        at = end + 1;
    }
    return users;
}

}  // namespace

void get_presence(Call& call) {
    auto users = users_parameter(call);
    if (!users) return call.refuse(users.error());
    call.ask<PresencePage>(GetPresence{call.actor(), *std::move(users)}, answer_presence);
}

void list_presence(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    const auto next = call.query().number("next");
    if (!next) return call.refuse(next.error());
    ListPresence request{call.actor(), *conversation, *limit, {}};
    if (*next) request.after = UserId{**next};
    call.ask<PresencePage>(request, answer_presence);
}

}  // namespace madang::net
