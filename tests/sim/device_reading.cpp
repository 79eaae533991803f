// How far people read, and how they arrange their list.
#include "device.hpp"

namespace madang::sim {

void Device::mark_read() {
    const auto conversation = some_conversation();
    if (!conversation) return;
    const auto seen = model_.seen(person_.id, *conversation);
    const auto some = [&] { return Seq{context_.dice.between(0, seen.value + 2)}; };
    Seq seq;
    switch (context_.dice.below(4)) {
        case 0: seq = Seq{seen.value + 1'000}; break;  // beyond the end
        case 1: seq = seen; break;
        default: seq = some(); break;  // in the middle, or backwards
    }
    const auto read = [&](Seq to) {
        MarkRead request{actor(), *conversation, to};
        if (session_ && context_.dice.chance(0.6))
            network_.frame(*session_, std::move(request), [](const Answer&) {});
        else
            ask(std::move(request));
    };
    read(seq);
    while (context_.dice.chance(0.3)) read(some());  // before the first one is answered
}

void Device::register_push() {
    SetPush set{.actor = actor(), .registration = {}};
    static const std::vector<std::string> providers{"fcm", "apns", "webpush"};
    if (context_.dice.chance(0.8))
        set.registration = {context_.dice.pick(providers), "{\"n\":" + std::to_string(context_.dice.below(1'000)) + "}"};
    ask(std::move(set));
}

void Device::update_view() {
    const auto conversation = some_conversation();
    if (!conversation) return;
    UpdateView update{.actor = actor(), .conversation = *conversation};
    if (context_.dice.chance(0.5)) update.pinned = context_.dice.chance(0.6);
    if (context_.dice.chance(0.4)) update.archived = context_.dice.chance(0.6);
    if (context_.dice.chance(0.3)) update.muted_until = context_.schedule.clock().now() + Millis{context_.dice.below(600)};
    ask(std::move(update));
}

}  // namespace madang::sim
