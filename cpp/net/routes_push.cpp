// Where the caller's device may be reached, and for operators the pushes that reached nobody.
#include <utility>

#include "net/routes.hpp"
#include "wire/objects.hpp"
#include "wire/pushes.hpp"

namespace madang::net {

void put_push(Call& call) {
    auto registration = wire::parse_push_registration(call.request().body);
    if (!registration) return call.refuse(registration.error());
    call.ask<Done>(SetPush{call.actor(), *std::move(registration)}, [](Call& asked, const Done&) { asked.answer_nothing(); });
}

void remove_push(Call& call) {
    call.ask<Done>(SetPush{call.actor(), {}}, [](Call& asked, const Done&) { asked.answer_nothing(); });
}

void list_dead_pushes(Call& call) {
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    ListDeadPushes request{.actor = call.actor(), .limit = *limit, .after = {}};
    if (const auto next = call.query().find("next")) {
        request.after = wire::parse_push_key(*next);
        if (!request.after) return call.refuse({Code::bad_request, "parameter `next` is none that was given out"});
    }
    call.ask<DeadPushPage>(std::move(request), [](Call& asked, const DeadPushPage& page) {
        std::string json;
        wire::append_list(json, "dead", page.pushes, page.next ? wire::encode_push_key(*page.next) : std::string{},
                          [](std::string& out, const auto& each) { wire::append_dead_push(out, each.first, each.second); });
        asked.answer(200, std::move(json));
    });
}

}  // namespace madang::net
