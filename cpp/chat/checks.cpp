#include "chat/checks.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "base/text.hpp"

namespace madang {
namespace {

constexpr Millis kPluginRetry{1'000};
constexpr auto kDenied = "a rule of this server refuses the message";

}  // namespace

Checks::Checks(std::vector<CheckRule> rules, std::size_t text_chars_max) : text_chars_max_(text_chars_max) {
    for (const auto& rule : rules) stages_.push_back({rule, {}, {}});
}

CheckedSend* Checks::find(const CheckLane& lane, const std::string& client_id) {
    const auto found = lanes_.find(lane);
    if (found == lanes_.end()) return nullptr;
    for (const auto& each : found->second)
        if (each->request.client_id == client_id) return each.get();
    return nullptr;
}

bool Checks::is_full(const CheckLane& lane) const {
    const auto found = lanes_.find(lane);
    return found != lanes_.end() && found->second.size() >= kSendsWithoutVerdict;
}

CheckedSend& Checks::add(const CheckLane& lane, CheckedSend send) {
    auto& queue = lanes_[lane];
    queue.push_back(std::make_unique<CheckedSend>(std::move(send)));
    ++size_;
    return *queue.back();
}

void Checks::start(const CheckLane& lane, CheckedSend& send, Tick now) {
    if (send.revision && send.revision->deletes) send.call.stage = static_cast<std::uint32_t>(stages_.size());
    go_on(lane, send, now);
}

void Checks::go_on(const CheckLane& lane, CheckedSend& send, Tick now) {
    for (auto& at = send.call.stage; at < stages_.size(); ++at) {
        auto& stage = stages_[at];
        auto call = send.call;
        if (stage.rule.observe) {
            calls_.push_back(std::move(call));
            continue;
        }
        if (!stage.breaker.try_call(now)) {
            ++stage.figures.skipped;
            fail_stage(send, stage);
            if (send.outcome) return;
            continue;
        }
        call.number = ++last_number_;
        const auto deadline = now + stage.rule.timeout;
        waiting_.emplace(call.number, Waiting{lane, &send, deadline});
        deadlines_.emplace(deadline, call.number);
        calls_.push_back(std::move(call));
        return;
    }
    send.outcome = Result<>{};
}

// What the rule says when the stage itself says nothing.
void Checks::fail_stage(CheckedSend& send, Stage& stage) {
    if (stage.rule.on_error == OnError::allow || mutant(Mutant::failure_allows)) return;
    const char* const what = "the plugin that checks messages doesn't answer";
    if (stage.rule.on_error == OnError::hold && !send.revision) return single_out(send, Fate::hold, what);
    send.outcome = fail(Code::plugin_unavailable, what, kPluginRetry);
}

// Held or shadowed, if no later stage denies it and none before has said what becomes of it.
void Checks::single_out(CheckedSend& send, Fate fate, std::string why) {
    if (send.revision) {
        send.outcome = fail(Code::denied_by_policy, why.empty() ? kDenied : std::move(why));
    } else if (send.fate == Fate::store) {
        send.fate = fate;
        send.held_because = std::move(why);
    }
}

std::optional<Checks::Waiting> Checks::end_wait(std::uint64_t number) {
    auto found = waiting_.extract(number);
    if (!found) return std::nullopt;
    deadlines_.erase({found.mapped().deadline, number});
    return found.mapped();
}

std::optional<CheckLane> Checks::resume(const Waiting& waiting, Tick now) {
    if (!waiting.send->outcome) {
        ++waiting.send->call.stage;
        go_on(waiting.lane, *waiting.send, now);
    }
    return waiting.send->outcome ? std::optional(waiting.lane) : std::nullopt;
}

std::optional<CheckLane> Checks::on_failure(std::uint64_t number, Failure why, Tick now) {
    const auto waiting = end_wait(number);
    if (!waiting) return std::nullopt;
    auto& stage = stages_[waiting->send->call.stage];
    ++(why == Failure::error ? stage.figures.errors : why == Failure::late ? stage.figures.late : stage.figures.refused);
    stage.breaker.on_failure(now);
    fail_stage(*waiting->send, stage);
    return resume(*waiting, now);
}

std::optional<CheckLane> Checks::on_refused(std::uint64_t number, Tick now) { return on_failure(number, Failure::refused, now); }

std::optional<CheckLane> Checks::on_verdict(std::uint64_t number, Verdict verdict, Tick now) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) {
        ++late_verdicts_;
        return std::nullopt;
    }
    if (found->second.deadline <= now) {  // whoever looks first: the rule is the same
        ++late_verdicts_;
        return on_failure(number, Failure::late, now);
    }
    const auto is_good_text = !verdict.text.empty() && code_points(verdict.text) <= text_chars_max_;
    if (verdict.kind == Verdict::Kind::error || (verdict.kind == Verdict::Kind::modify && !is_good_text))
        return on_failure(number, Failure::error, now);
    const auto waiting = *end_wait(number);
    auto& stage = stages_[waiting.send->call.stage];
    stage.breaker.on_success();
    if (verdict.kind == Verdict::Kind::deny) {
        ++stage.figures.denied;
        if (verdict.text.empty()) verdict.text = kDenied;
        waiting.send->outcome = fail(Code::denied_by_policy, std::move(verdict.text));
    } else if (verdict.kind == Verdict::Kind::modify) {
        ++stage.figures.modified;
        waiting.send->call.text = std::move(verdict.text);
    } else if (verdict.kind == Verdict::Kind::hold) {
        ++stage.figures.held;
        single_out(*waiting.send, Fate::hold, std::move(verdict.text));
    } else if (verdict.kind == Verdict::Kind::shadow) {
        ++stage.figures.shadowed;
        single_out(*waiting.send, Fate::shadow, {});
    } else {
        ++stage.figures.allowed;
    }
    return resume(waiting, now);
}

std::vector<CheckLane> Checks::end_late(Tick now) {
    std::vector<CheckLane> decided;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now)
        if (const auto lane = on_failure(deadlines_.begin()->second, Failure::late, now)) decided.push_back(*lane);
    return decided;
}

std::optional<Tick> Checks::next_deadline() const { return deadlines_.empty() ? std::nullopt : std::optional(deadlines_.begin()->first); }

CheckedSend* Checks::ready(const CheckLane& lane) {
    const auto found = lanes_.find(lane);
    if (found == lanes_.end()) return nullptr;
    auto& queue = found->second;
    if (mutant(Mutant::verdicts_overtake)) {
        const auto decided = std::ranges::find_if(queue, [](const auto& each) { return each->outcome.has_value(); });
        if (decided != queue.end() && !queue.front()->is_applying) std::rotate(queue.begin(), decided, std::next(decided));
    }
    auto& front = *queue.front();
    return front.outcome && !front.is_applying ? &front : nullptr;
}

CheckedSend& Checks::oldest(const CheckLane& lane) { return *lanes_.at(lane).front(); }

CheckedSend Checks::take_oldest(const CheckLane& lane) {
    const auto found = lanes_.find(lane);
    auto send = std::move(*found->second.front());
    found->second.pop_front();
    if (found->second.empty()) lanes_.erase(found);
    --size_;
    return send;
}

std::vector<CheckFigures> Checks::figures() const {
    std::vector<CheckFigures> out;
    for (const auto& stage : stages_) {
        out.push_back(stage.figures);
        out.back().is_open = stage.breaker.is_open();
    }
    return out;
}

}  // namespace madang
