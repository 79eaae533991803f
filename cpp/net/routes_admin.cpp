// What operators do: the review queue.
#include <utility>

#include "net/routes.hpp"
#include "wire/held.hpp"
#include "wire/objects.hpp"

namespace madang::net {

void list_held(Call& call) {
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    const auto next = call.query().number("next");
    if (!next) return call.refuse(next.error());
    ListHeld request{.actor = call.actor(), .limit = *limit, .after = {}};
    if (*next) request.after = HeldId{**next};
    call.ask<HeldPage>(request, [](Call& asked, const HeldPage& page) {
        std::string json;
        wire::append_list(json, "held", page.held, page.next ? to_string(*page.next) : "", wire::append_held_message);
        asked.answer(200, std::move(json));
    });
}

void review_held(Call& call) {
    const auto held = call.path_id<HeldId>(0);
    if (!held) return call.refuse(held.error());
    const auto action = wire::parse_review(call.request().body);
    if (!action) return call.refuse(action.error());
    call.ask<Reviewed>(Review{*held, *action == wire::ReviewAction::release}, [](Call& asked, const Reviewed& reviewed) {
        std::string json;
        wire::append_reviewed(json, reviewed.held, reviewed.message.get());
        asked.answer(200, std::move(json));
    });
}

}  // namespace madang::net
