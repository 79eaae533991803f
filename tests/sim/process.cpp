#include "process.hpp"

#include "chat/loads.hpp"
#include "chat/queries.hpp"
#include "policy.hpp"

namespace madang::sim {

Process::Process(Context& context, Disk& disk, Front& front, unsigned engines, Epoch epoch)
    : context_(context),
      disk_(disk),
      front_(front),
      plugin_dice_(context.plan.seed * 0xA24BAED4963EE407ull + epoch),
      limits_(context.plan.limits),
      lifetime_(context.schedule),
      bus_(
          context, lifetime_,
          [this](EngineIndex to, EngineIndex from, BusMessage message) { shells_[to]->receive(Shell::FromBus{from, std::move(message)}); }),
      lane_free_(std::size_t{engines} * engines) {
    for (unsigned i = 0; i < engines; ++i) {
        EngineOptions options;
        options.index = static_cast<EngineIndex>(i);
        options.engines = engines;
        options.worker = static_cast<std::uint16_t>(i);
        options.epoch = epoch;
        options.text_key.fill(7);
        options.limits = limits_;
        options.checks = context.plan.checks;
        shells_.push_back(std::make_unique<Shell>(context, options, disk, *this));
    }
    for (auto& shell : shells_) shell->start();
}

void Process::submit(const ReplyTo& from, Request request) {
    const auto gateway = static_cast<EngineIndex>(from.gateway);
    const auto owner = owner_of(slot_of(request), engines());
    if (owner == gateway) return shells_[owner]->receive(Shell::Asked{from, std::move(request)});
    lifetime_.after(hop(gateway, owner), [this, owner, from, request = std::move(request)]() mutable {
        shells_[owner]->receive(Shell::Asked{from, std::move(request)});
    });
}

void Process::end_waits() {
    for (auto& shell : shells_) shell->end_waits();
}

std::vector<Batch> Process::crash() {
    std::vector<Batch> late;
    for (auto& shell : shells_)
        for (auto& batch : shell->crash()) late.push_back(std::move(batch));
    return late;
}

bool Process::is_idle() const {
    if (reads_ > 0) return false;
    for (const auto& shell : shells_)
        if (!shell->is_idle()) return false;
    return true;
}

std::string Process::describe() const {
    std::string text = std::to_string(reads_) + " reads";
    for (const auto& shell : shells_) {
        const auto figures = shell->figures();
        text += "; engine " + std::to_string(shell->index()) + (shell->is_idle() ? " idle" : " not idle") + ", parked " +
                std::to_string(figures.parked) + ", users " + std::to_string(figures.users) + ", conversations " +
                std::to_string(figures.conversations) + ", fan-out pending " + std::to_string(figures.fan_out_pending);
    }
    return text;
}

Micros Process::hop(EngineIndex from, EngineIndex to) {
    auto& free = lane_free_[std::size_t{from} * engines() + to];
    free = std::max(free, context_.schedule.now() + context_.latency(500us));
    return free - context_.schedule.now();
}

void Process::carry_out(EngineIndex engine, Effect effect) {
    if (auto* out = std::get_if<ToEngine>(&effect)) return bus_.send(engine, out->engine, std::move(out->message));
    if (auto* read = std::get_if<Read>(&effect)) return run_job(engine, std::move(read->job));
    if (auto* reply = std::get_if<Reply>(&effect); reply && reply->to.gateway != engine) {
        const auto gateway = static_cast<EngineIndex>(reply->to.gateway);
        lifetime_.after(hop(engine, gateway),
                        [this, engine, effect = std::move(effect)]() mutable { front_.on_effect(engine, std::move(effect)); });
        return;
    }
    front_.on_effect(engine, std::move(effect));
}

void Process::run_job(EngineIndex engine, Job job) {
    ++reads_;
    context_.trace.note("read", engine, job.index());
    lifetime_.after(context_.latency(context_.plan.read_max), [this, engine, job = std::move(job)] { read(engine, job); });
}

// A plugin of its own mind, and all that can keep it from speaking.
void Process::ask_plugin(EngineIndex engine, CheckCall call) {
    const auto& plan = context_.plan;
    const auto happens = [&](double p) { return !context_.calm && plugin_dice_.chance(p); };
    if (call.number == 0) return;
    if (happens(plan.mailbox_full)) return shells_[engine]->receive(Shell::Judged{call.number, std::nullopt});
    if (happens(plan.verdict_lost)) return;
    auto verdict = happens(plan.verdict_error) ? Verdict{Verdict::Kind::error, "it broke"} : verdict_on(call);
    auto after = plugin_dice_.between(Micros{100}, context_.calm ? Micros{2ms} : plan.verdict_max);
    if (happens(plan.verdict_late)) after += plan.checks[call.stage].timeout;
    context_.trace.note("asked plugin", engine, call.number, call.stage, static_cast<std::uint64_t>(verdict.kind));
    lifetime_.after(after, [this, engine, number = call.number, verdict] { shells_[engine]->receive(Shell::Judged{number, verdict}); });
}

void Process::read(EngineIndex engine, const Job& job) {
    const auto back = context_.latency(context_.plan.read_max);
    disk_.set_readable(!context_.fault(context_.plan.read_errors));
    const auto reply = [&](const ReplyTo& to, Result<Response> response) {
        lifetime_.after(back, [this, engine, reply = Reply{to, std::move(response)}]() mutable {
            --reads_;
            front_.on_effect(engine, std::move(reply));
        });
    };
    if (const auto* query = std::get_if<Query>(&job)) {
        reply(query->to, answer(disk_, limits_, *query));
    } else if (const auto* page = std::get_if<LoadInboxPage>(&job); page && page->poll) {
        reply(*page->poll, answer(disk_, limits_, *page));
    } else {
        lifetime_.after(back, [this, engine, loaded = load(disk_, limits_, engine, engines(), job)]() mutable {
            --reads_;
            shells_[engine]->receive(std::move(loaded));
        });
    }
    disk_.set_readable(true);
}

}  // namespace madang::sim
