#include "process.hpp"

#include "chat/loads.hpp"
#include "chat/queries.hpp"
#include "policy.hpp"

namespace madang::sim {

Process::Process(Context& context, Disk& disk, Front& front, unsigned engines, Epoch epoch, std::vector<Ear*> ears)
    : context_(context),
      disk_(disk),
      front_(front),
      plugin_dice_(context.plan.seed * 0xA24BAED4963EE407ull + epoch),
      limits_(context.plan.limits),
      lifetime_(context.schedule),
      bus_(
          context, lifetime_,
          [this](EngineIndex to, EngineIndex from, BusMessage message) { shells_[to]->receive(Shell::FromBus{from, std::move(message)}); }),
      lane_free_(std::size_t{engines} * engines),
      feed_dice_(context.plan.seed * 0x9FB21C651E98DF25ull + epoch) {
    for (unsigned i = 0; i < engines; ++i) {
        EngineOptions options;
        options.index = static_cast<EngineIndex>(i);
        options.engines = engines;
        options.worker = static_cast<std::uint16_t>(i);
        options.epoch = epoch;
        options.text_key.fill(7);
        options.limits = limits_;
        options.checks = context.plan.checks;
        options.pushes = context.plan.pushes;
        shells_.push_back(std::make_unique<Shell>(context, options, disk, *this));
    }
    for (auto* ear : ears) feeds_.push_back({ear, {}, {}});
    for (std::size_t i = 0; i < feeds_.size(); ++i) make_feed(i, epoch);
    for (auto& shell : shells_) shell->start();
}

// ---- the committed feed -----------------------------------------------------------------------------------------------------------------

void Process::make_feed(std::size_t ear, Epoch epoch) {
    constexpr Millis kTimeout{100};
    auto& fed = feeds_[ear];
    fed.feed = std::make_unique<Feed>(Feed::Options{"ear" + std::to_string(ear), epoch, kTimeout}, disk_, context_.schedule.clock(),
                                      [this, ear](FeedBatch batch) { return feed(ear, std::move(batch)); });
    if (!fed.feed->start()) throw Violation("a feed can't take up its mark");
    work_feed(ear);
}

void Process::on_committed(std::uint32_t entries) {
    for (std::size_t i = 0; i < feeds_.size(); ++i) {
        feeds_[i].feed->on_committed(entries);
        lifetime_.after(feed_dice_.between(Micros{20}, Micros{500}), [this, i] { work_feed(i); });
    }
}

void Process::work_feed(std::size_t ear) {
    auto& fed = feeds_[ear];
    disk_.set_readable(!feed_fault(context_.plan.feed_unread));
    const auto next = fed.feed->work();
    disk_.set_readable(true);
    if (fed.feed->is_lost()) throw Violation("a feed of the slots' owner is refused");
    if (!next || (fed.due && *fed.due <= *next)) return;
    fed.due = next;
    lifetime_.after(*next - context_.schedule.clock().tick(), [this, ear, next] {
        if (feeds_[ear].due != next) return;
        feeds_[ear].due.reset();
        work_feed(ear);
    });
}

bool Process::feed(std::size_t ear, FeedBatch batch) {
    if (feed_fault(context_.plan.mailbox_full)) return false;
    context_.trace.note("feed", ear, batch.number, batch.entries.front().position, batch.entries.size());
    const auto number = batch.number;
    const bool fails = feed_fault(context_.plan.feed_failed);
    auto after = feed_dice_.between(Micros{50}, Micros{5ms});
    const bool is_late = feed_fault(context_.plan.feed_late);
    // A plugin takes a batch, or fails before it has done anything, or after; a moment later it has answered, or was late.
    const bool hears = !fails || feed_dice_.chance(0.5);
    if (hears)
        lifetime_.after(after, [this, ear, well = !fails && !is_late, batch = std::move(batch)] { feeds_[ear].ear->hear(batch, well); });
    if (fails || is_late) feeds_[ear].ear->shake();
    after += is_late ? Micros{200ms} : feed_dice_.between(Micros{1}, Micros{3ms});
    lifetime_.after(after, [this, ear, number, fails] {
        feeds_[ear].feed->on_answer(number, fails ? "it broke" : "");
        work_feed(ear);
    });
    return true;
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
    for (std::size_t i = 0; i < feeds_.size(); ++i) {
        feeds_[i].feed->drain();
        work_feed(i);
    }
}

std::vector<Batch> Process::crash() {
    std::vector<Batch> late;
    for (auto& shell : shells_)
        for (auto& batch : shell->crash()) late.push_back(std::move(batch));
    return late;
}

bool Process::is_idle() const {
    if (reads_ > 0) return false;
    for (const auto& fed : feeds_)
        if (!fed.feed->is_idle()) return false;
    for (const auto& shell : shells_)
        if (!shell->is_idle()) return false;
    return true;
}

std::string Process::describe() const {
    std::string text = std::to_string(reads_) + " reads";
    for (const auto& fed : feeds_)
        text += fed.feed->is_idle() ? "" : ", a feed is " + std::to_string(fed.feed->figures().behind) + " behind";
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

void Process::push(EngineIndex engine, PushCall call) {
    const auto& plan = context_.plan;
    const auto happens = [&](double p) { return !context_.calm && plugin_dice_.chance(p); };
    if (happens(plan.push_refused)) return shells_[engine]->receive(Shell::Pushed{std::move(call), std::nullopt});
    context_.trace.note("push", engine, call.push.user.value, call.push.seq.value, call.attempt);
    front_.on_push(call);
    if (happens(plan.push_lost)) return;
    Delivered delivered;
    if (happens(plan.push_fails))
        delivered = plugin_dice_.chance(0.5) ? Delivered{Delivered::Kind::error, {}, "it broke"}
                                             : Delivered{Delivered::Kind::retry, Millis{plugin_dice_.below(1'000)}, "busy"};
    else if (call.device && happens(plan.push_gone))
        delivered.kind = Delivered::Kind::gone;
    const auto after = plugin_dice_.between(Micros{100}, context_.calm ? Micros{2ms} : plan.push_max);
    lifetime_.after(after, [this, engine, call = std::move(call), delivered] {
        front_.on_pushed(call, delivered.kind);
        shells_[engine]->receive(Shell::Pushed{call, delivered});
    });
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
