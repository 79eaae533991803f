#include "shell.hpp"

#include "base/mutant.hpp"

namespace madang::sim {
namespace {

constexpr Micros kTick = 100ms;

// The first half of a batch: what a store that is not atomic might leave behind.
Batch torn(const Batch& batch) {
    Batch half;
    for (const auto& fence : batch.fences()) half.fence(fence.slot, fence.epoch);
    batch.for_each([&, left = batch.size() / 2](const Batch::Row& row) mutable {
        if (left == 0) return;
        --left;
        row.erase ? half.erase(row.table, row.key) : half.put(row.table, row.key, row.value);
    });
    return half;
}

}  // namespace

Shell::Shell(Context& context, EngineOptions options, Disk& disk, Outlet& outlet)
    : context_(context),
      options_(options),
      disk_(disk),
      outlet_(outlet),
      lifetime_(context.schedule),
      engine_(options, context.schedule.clock(), disk) {}

void Shell::start() {
    engine_.start();
    wake();
    lifetime_.after(context_.dice.between(Micros{0}, kTick), [this] { receive(TimePasses{}); });
}

void Shell::receive(Input input) {
    if (std::holds_alternative<TimePasses>(input)) lifetime_.after(kTick, [this] { receive(TimePasses{}); });
    inputs_.push_back(std::move(input));
    wake();
}

void Shell::deliver(Input input) {
    if (auto* asked = std::get_if<Asked>(&input)) return engine_.handle(asked->from, std::move(asked->request));
    if (auto* bus = std::get_if<FromBus>(&input)) return engine_.on_bus(bus->from, std::move(bus->message));
    if (auto* loaded = std::get_if<Loaded>(&input)) return engine_.on_loaded(std::move(*loaded));
    if (auto* judged = std::get_if<Judged>(&input)) {
        if (judged->verdict) return engine_.on_verdict(judged->call, std::move(*judged->verdict));
        return engine_.on_call_refused(judged->call);
    }
    if (const auto* pushed = std::get_if<Pushed>(&input)) return deliver(*pushed);
    engine_.tick();
}

std::uint64_t Shell::pushes_done(std::uint32_t rule) const {
    const auto figures = engine_.figures();
    return figures.pushes[rule].sent + figures.pushes[rule].gone;
}

void Shell::deliver(const Pushed& pushed) {
    const auto& call = pushed.call;
    if (!pushed.delivered) return engine_.on_push_refused(call.number);
    const auto before = pushes_done(call.rule);
    engine_.on_delivered(call.number, *pushed.delivered);
    if (pushes_done(call.rule) > before) outlet_.on_push_heard(call);
}

void Shell::wake() {
    if (turn_is_due_) return;
    turn_is_due_ = true;
    lifetime_.after(context_.dice.between(Micros{10}, context_.plan.turn_max), [this] {
        turn_is_due_ = false;
        turn();
    });
}

void Shell::turn() {
    if (flight_.size() >= context_.plan.in_flight_max) return;  // land() wakes
    // In calm the loop is no bottleneck: what has piled up must go within bounded time.
    auto events = context_.calm ? 64 : context_.dice.between(1, context_.plan.turn_events_max);
    for (; events > 0 && !inputs_.empty(); --events) {
        auto input = std::move(inputs_.front());
        inputs_.pop_front();
        disk_.set_readable(!context_.fault(context_.plan.read_errors));
        deliver(std::move(input));
        disk_.set_readable(true);
    }
    auto turn = engine_.end_turn();
    if (turn.ticket < last_ticket_ || (turn.ticket == last_ticket_ && !turn.batch.empty())) throw Violation("tickets do not rise");
    last_ticket_ = turn.ticket;
    if (!turn.batch.empty()) context_.trace.note("turn", options_.index, turn.ticket, turn.batch.size(), turn.effects.size());
    for (auto& job : turn.jobs) outlet_.run_job(options_.index, std::move(job));
    for (auto& call : turn.calls) outlet_.ask_plugin(options_.index, std::move(call));
    for (auto& call : turn.pushes) outlet_.push(options_.index, std::move(call));
    watch_deadline();
    if (mutant(Mutant::ack_before_durable))
        for (auto& effect : std::exchange(turn.effects, {})) outlet_.carry_out(options_.index, std::move(effect));
    if (mutant(Mutant::durable_too_early)) engine_.on_durable(turn.ticket);
    if (mutant(Mutant::read_too_early)) {
        for (auto& effect : turn.effects)
            if (auto* read = std::get_if<Read>(&effect)) outlet_.run_job(options_.index, std::move(read->job));
        std::erase_if(turn.effects, [](const Effect& effect) { return std::holds_alternative<Read>(effect); });
    }
    if (!turn.batch.empty() || !turn.effects.empty())
        flight_.push_back({turn.ticket, std::move(turn.batch), std::move(turn.effects), turn.entries, false});
    check_figures();
    commit();
    if (!inputs_.empty() || engine_.wants_turn()) wake();
}

void Shell::watch_deadline() {
    const auto deadline = engine_.next_deadline();
    if (!deadline || (watched_ && *watched_ <= *deadline)) return;
    watched_ = deadline;
    lifetime_.after(*deadline - context_.schedule.clock().tick(), [this, deadline] {
        if (watched_ != deadline) return;
        watched_.reset();
        receive(DeadlinePasses{});
    });
}

void Shell::commit() {
    if (is_committing_ || flight_.empty()) return;
    is_committing_ = true;
    if (flight_.front().batch.empty()) return land(1);
    lifetime_.after(context_.latency(context_.plan.commit_max) + context_.stall(), [this] { write(); });
}

void Shell::write() {
    auto& head = flight_.front();
    if (context_.fault(context_.plan.in_doubt)) {
        const bool reached = context_.dice.chance(0.5);
        context_.trace.note("in doubt", options_.index, head.ticket, reached);
        if (mutant(Mutant::drop_in_doubt)) return give_up_head();
        if (reached) append(head);
        lifetime_.after(context_.latency(context_.plan.commit_max), [this] { write(); });
        return;
    }
    if (!disk_.has_space() && context_.dice.chance(0.5)) {
        context_.trace.note("full", options_.index, head.ticket);
        lifetime_.after(context_.latency(context_.plan.commit_max), [this] { write(); });
        return;
    }
    // A committer thread takes several turns that wait as one group.
    const auto group = context_.dice.between(1, flight_.size());
    for (std::size_t i = 0; i < group; ++i) append(flight_[i]);
    lifetime_.after(context_.dice.between(Micros{5}, Micros{100}), [this, group] { land(group); });
}

void Shell::give_up_head() {
    flight_.front().effects.clear();
    land(1);
}

void Shell::append(InFlight& turn) {
    turn.written = true;
    if (turn.batch.empty()) return;
    if (disk_.append(turn.batch) != Outcome::durable) throw Violation("the store refused a batch of the slots' owner");
}

void Shell::land(std::size_t turns) {
    const bool at_once = context_.dice.chance(0.5);
    if (at_once) engine_.on_durable(flight_[turns - 1].ticket);
    for (; turns > 0; --turns) {
        auto turn = std::move(flight_.front());
        flight_.pop_front();
        if (!turn.batch.empty()) context_.trace.note("durable", options_.index, turn.ticket);
        if (!at_once) engine_.on_durable(turn.ticket);
        for (auto& effect : turn.effects) outlet_.carry_out(options_.index, std::move(effect));
        if (turn.entries != 0) outlet_.on_committed(turn.entries);
    }
    is_committing_ = false;
    wake();
    commit();
}

void Shell::end_waits() {
    engine_.end_waits();
    wake();
}

std::vector<Batch> Shell::crash() {
    std::vector<Batch> late;
    auto lasting = context_.dice.below(flight_.size() + 1);
    for (auto& turn : flight_) {
        if (turn.written || turn.batch.empty()) continue;
        if (lasting > 0) {
            --lasting;
            append(turn);
            continue;
        }
        if (mutant(Mutant::torn_batch) && late.empty()) {
            auto half = torn(turn.batch);
            if (!half.empty()) disk_.append(half);
        }
        late.push_back(std::move(turn.batch));
    }
    return late;
}

void Shell::check_figures() {
    const auto figures = engine_.figures();
    // What follows a socket's Connect waits behind it, beyond the limit: an attach and a detach each.
    constexpr std::uint64_t kSockets = 64;
    if (figures.in_lanes > options_.limits.parked_requests || figures.parked > options_.limits.parked_requests + kSockets)
        throw Violation("more requests parked than allowed");
}

}  // namespace madang::sim
