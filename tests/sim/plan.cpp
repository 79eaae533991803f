#include "plan.hpp"

namespace madang::sim {
namespace {

void cool(Plan& plan, Dice& dice) {
    // Cold state: loads, evictions, pages and chunks all the time.
    auto& limits = plan.limits;
    if (dice.chance(0.7)) limits.users_in_memory = static_cast<std::uint32_t>(dice.between(1, 4));
    if (dice.chance(0.7)) limits.conversations_in_memory = static_cast<std::uint32_t>(dice.between(1, 4));
    if (dice.chance(0.7)) limits.inbox_tail_items = static_cast<std::uint32_t>(dice.between(1, 12));
    if (dice.chance(0.6)) limits.group_commit_rows = static_cast<std::uint32_t>(dice.between(1, 12));
    if (dice.chance(0.5)) limits.page_items = static_cast<std::uint32_t>(dice.between(1, 10));
    if (dice.chance(0.2)) limits.page_bytes = dice.between(1, 1000);
    if (dice.chance(0.2)) limits.inbox_tail_bytes = dice.between(1, 4000);
    if (dice.chance(0.15)) limits.parked_requests = static_cast<std::uint32_t>(dice.between(3, 10));
    if (dice.chance(0.15)) limits.fan_out_pending = static_cast<std::uint32_t>(dice.between(3, 20));
    if (dice.chance(0.3)) limits.group_members = static_cast<std::uint32_t>(dice.between(3, 5));
}

void disturb(Plan& plan, Dice& dice, double strength) {
    plan.in_doubt = dice.chance(0.5) ? 0.2 * strength : 0;
    plan.bus_lost = dice.chance(0.6) ? 0.3 * strength : 0;
    plan.bus_repeated = dice.chance(0.6) ? 0.3 * strength : 0;
    plan.bus_max = dice.chance(0.5) ? std::chrono::duration_cast<Micros>(80ms * strength) : Micros{2ms};
    plan.cut = dice.chance(0.6) ? 0.01 * strength : 0;
    plan.lost = dice.chance(0.6) ? 0.06 * strength : 0;
    plan.signal_dropped = dice.chance(0.3) ? 0.3 * strength : 0;
    plan.slow_drain = dice.chance(0.5) ? 0.5 * strength : 0;
    plan.crashes = static_cast<unsigned>(dice.below(strength > 0.5 ? 4 : 2));
    plan.engines_change = dice.chance(0.4);
    plan.wall_steps_back = dice.chance(0.4) ? 1.0 * strength : 0;
    plan.disabled = dice.chance(0.1) ? 2.0 * strength : 0;
    plan.disk_full = dice.chance(0.15) ? 0.5 * strength : 0;
    plan.read_errors = dice.chance(0.15) ? 0.05 * strength : 0;
    plan.stalls = dice.chance(0.4) ? 1.0 * strength : 0;
    plan.latency_max = dice.chance(0.3) ? 60ms : 5ms;
    plan.commit_max = dice.chance(0.3) ? 20ms : 2ms;
    if (dice.chance(0.25)) plan.timeout = dice.between(Micros{30ms}, Micros{200ms});
    plan.read_max = dice.chance(0.4) ? 30ms : 3ms;
}

void police(Plan& plan, Dice dice) {
    if (!dice.chance(0.35)) return;
    for (auto left = dice.between(1, 2); left > 0; --left)
        plan.checks.push_back({.timeout = Millis{dice.between(10, 200)},
                               .on_error = dice.chance(0.6)   ? OnError::deny
                                           : dice.chance(0.6) ? OnError::allow
                                                              : OnError::hold,
                               .observe = dice.chance(0.1)});
    plan.reviews = dice.chance(0.8) ? 30.0 : 0;
    if (dice.chance(0.1)) plan.limits.held_messages = static_cast<std::uint32_t>(dice.between(1, 4));
    plan.verdict_max = dice.chance(0.4) ? 60ms : 5ms;
    if (plan.temper == Temper::calm) return;
    plan.verdict_lost = dice.chance(0.5) ? 0.1 : 0;
    plan.verdict_late = dice.chance(0.5) ? 0.1 : 0;
    plan.verdict_error = dice.chance(0.5) ? 0.2 : 0;
    plan.mailbox_full = dice.chance(0.3) ? 0.1 : 0;
}

void listen(Plan& plan, Dice dice) {
    plan.ears = static_cast<unsigned>(dice.below(3));
    if (plan.temper == Temper::calm) return;
    plan.feed_failed = dice.chance(0.5) ? 0.2 : 0;
    plan.feed_late = dice.chance(0.5) ? 0.1 : 0;
    plan.feed_unread = dice.chance(0.2) ? 0.05 : 0;
}

void notify(Plan& plan, Dice dice) {
    if (!dice.chance(0.4)) return;
    const auto which = dice.below(4);
    const Millis timeout{dice.between(30, 400)};
    if (which != 1) plan.pushes.push_back({.plugin = "all", .timeout = timeout, .providers = {}});
    if (which != 0) plan.pushes.push_back({.plugin = "phones", .timeout = timeout, .providers = {"fcm", "apns"}});
    auto& limits = plan.limits;
    limits.push_ack_within = dice.chance(0.5) ? Millis{2'000} : Millis{dice.between(100, 1'000)};
    if (dice.chance(0.5)) limits.push_in_memory = static_cast<std::uint32_t>(dice.between(1, 5));
    if (dice.chance(0.2)) limits.push_max_attempts = static_cast<std::uint32_t>(dice.between(1, 4));
    if (dice.chance(0.3)) limits.push_dead_max = static_cast<std::uint32_t>(dice.between(10, 20));
    plan.push_max = dice.chance(0.4) ? 100ms : 5ms;
    if (plan.temper == Temper::calm) return;
    plan.push_lost = dice.chance(0.5) ? 0.1 : 0;
    plan.push_fails = dice.chance(0.6) ? (dice.chance(0.3) ? 0.9 : 0.3) : 0;
    plan.push_gone = dice.chance(0.5) ? 0.2 : 0;
    plan.push_refused = dice.chance(0.3) ? 0.2 : 0;
}

Plan make_plan_of_world(std::uint64_t seed) {
    Dice dice(seed * 0x9E3779B97F4A7C15ull + 1);
    Plan plan;
    plan.seed = seed;
    const auto kind = dice.below(10);
    plan.temper = kind < 2 ? Temper::calm : kind < 5 ? Temper::mild : Temper::hostile;
    plan.engines = static_cast<unsigned>(dice.between(1, 3));
    plan.people = static_cast<unsigned>(dice.between(2, dice.chance(0.2) ? 12 : 6));
    plan.devices_max = static_cast<unsigned>(dice.between(1, 3));
    plan.active = dice.chance(0.15) ? dice.between(Micros{3s}, Micros{8s}) : dice.between(Micros{800ms}, Micros{2500ms});
    plan.think = dice.between(Micros{20ms}, Micros{80ms});
    plan.turn_events_max = dice.chance(0.3) ? 1 : static_cast<unsigned>(dice.between(2, 32));
    plan.in_flight_max = dice.chance(0.5) ? 1 : static_cast<unsigned>(dice.between(2, 6));
    plan.limits.text_chars = 400;
    plan.limits.offline_after = std::chrono::milliseconds{dice.between(2'000, 4'000)};
    plan.drains = dice.chance(0.2);
    if (dice.chance(0.1)) plan.limits.devices_per_user = static_cast<std::uint32_t>(plan.devices_max + dice.below(3));
    if (dice.chance(0.75)) cool(plan, dice);
    if (plan.temper == Temper::mild) disturb(plan, dice, 0.3);
    if (plan.temper == Temper::hostile) disturb(plan, dice, 1.0);
    return plan;
}

}  // namespace

Plan make_plan(std::uint64_t seed) {
    auto plan = make_plan_of_world(seed);
    police(plan, Dice(seed * 0xD1B54A32D192ED03ull + 3));  // dice of its own: the world is the same without it
    listen(plan, Dice(seed * 0x8CB92BA72F3D8DD7ull + 5));
    notify(plan, Dice(seed * 0x8CB92BA72F3D8DD7ull + 7));
    Dice leaving(seed * 0xA24BAED4963EE407ull + 5);  // likewise
    if (leaving.chance(0.4)) plan.deletions = static_cast<unsigned>(leaving.between(1, (plan.people + 1) / 2));
    return plan;
}

}  // namespace madang::sim
