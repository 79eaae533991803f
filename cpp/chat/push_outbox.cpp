#include "chat/push_outbox.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "base/mutant.hpp"

namespace madang {
namespace {

constexpr Millis kPauseFirst{1'000}, kPauseMost{600'000};
constexpr Millis kMailboxPause{1'000};  // when it was full
constexpr Millis kOpenPause{10'000};    // of a row all of whose plugins are given none now
constexpr Millis kSweepAhead{5'000};    // a sweep takes rows that are due so soon, too
constexpr Millis kSweepRetry{1'000};    // when a page could not be read
constexpr std::size_t kErrorBytes = 500;

std::string shortened(std::string text) {
    if (text.size() <= kErrorBytes) return text;
    auto end = kErrorBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
    return text;
}

}  // namespace

Tick PushOutbox::tick_of(Time due, Time wall, Tick now) const {
    return now + std::clamp(std::chrono::duration_cast<Tick>(due - wall), Tick{0}, std::chrono::duration_cast<Tick>(limits_.push_max_age));
}

void PushOutbox::put(const PushKey& key, Push push, Tick due) {
    if (const auto known = window_.extract(key)) by_due_.erase({known.mapped().due, key});
    if (window_.size() >= limits_.push_in_memory) {
        const auto last = std::prev(by_due_.end());
        if (last->first <= due) return is_beyond(due);
        is_beyond(last->first);
        window_.erase(last->second);
        by_due_.erase(last);
    }
    window_.emplace(key, Waiting{std::move(push), due});
    by_due_.emplace(due, key);
}

void PushOutbox::note_ended(const PushKey& key) {
    if (is_page_out_ && ended_.size() <= kEndedMax) ended_.insert(key);
}

void PushOutbox::add(const PushKey& key, Push push, Time wall, Tick now) {
    if (flights_.contains(key)) return;
    const auto due = tick_of(push.due, wall, now);
    put(key, std::move(push), due);
}

// ---- being handed out
// -------------------------------------------------------------------------------------------------------------------

bool PushOutbox::can_read(Tick now) const {
    if (reading_ > 0 || flights_.size() >= kFlightsMax || flight_bytes_ >= kFlightBytes) return false;
    if (by_due_.empty() || by_due_.begin()->first > now) return false;
    // Of a copy: it only asks.
    return std::ranges::any_of(plugins_, [now](const Plugin& plugin) { return Breaker(plugin.breaker).try_call(now); });
}

std::vector<PushKey> PushOutbox::take_due(Tick now) {
    std::vector<PushKey> keys;
    if (!can_read(now)) return keys;
    while (keys.size() < kReadMax && flights_.size() < kFlightsMax && !by_due_.empty() && by_due_.begin()->first <= now) {
        const auto key = by_due_.begin()->second;
        by_due_.erase(by_due_.begin());
        auto waiting = window_.extract(key);
        flights_[key].push = std::move(waiting.mapped().push);
        ++reading_;
        keys.push_back(key);
    }
    return keys;
}

const Push* PushOutbox::in_flight(const PushKey& key) const {
    const auto found = flights_.find(key);
    return found == flights_.end() ? nullptr : &found->second.push;
}

bool PushOutbox::is_stale(const PushKey& key) const {
    const auto found = flights_.find(key);
    return found != flights_.end() && found->second.stale;
}

void PushOutbox::on_message_changed(const PushKey& key) {
    const auto found = flights_.find(key);
    if (found != flights_.end()) found->second.stale = true;
}

std::map<PushKey, PushOutbox::Flight>::iterator PushOutbox::land(const PushKey& key) {
    const auto found = flights_.find(key);
    MADANG_ASSERT(found != flights_.end() && found->second.calls == 0);
    flight_bytes_ -= found->second.bytes;
    if (!found->second.is_read) --reading_;
    return found;
}

void PushOutbox::again(const PushKey& key, Tick at) {
    const auto found = land(key);
    auto push = std::move(found->second.push);
    flights_.erase(found);
    put(key, std::move(push), at);
}

void PushOutbox::end(const PushKey& key) {
    flights_.erase(land(key));
    note_ended(key);
}

std::vector<PushCall> PushOutbox::hand_out(const PushKey& key, const std::vector<Target>& targets, const PushCall& common, Tick now) {
    auto& flight = flights_.at(key);
    MADANG_ASSERT(!flight.is_read);
    flight.is_read = true;
    --reading_;
    std::vector<PushCall> calls;
    for (const auto& target : targets) {
        if (!plugins_[target.rule].breaker.try_call(now)) {
            flight.unfinished = true;
            continue;
        }
        auto& call = calls.emplace_back(common);
        call.number = ++last_number_;
        call.rule = target.rule;
        call.push = key;
        call.device = target.device;
        call.registration = target.registration;
        call.attempt = flight.push.attempts + 1;
        const auto deadline = now + rules_[target.rule].timeout;
        calls_.emplace(call.number, Call{key, target.rule, target.device, target.registration, deadline});
        deadlines_.emplace(deadline, call.number);
        flight.bytes += call.bytes();
    }
    flight.calls = calls.size();
    flight_bytes_ += flight.bytes;
    if (calls.empty()) again(key, now + kOpenPause);
    return calls;
}

std::optional<PushOutbox::Call> PushOutbox::take_call(std::uint64_t number) {
    auto found = calls_.extract(number);
    if (!found) return std::nullopt;
    deadlines_.erase({found.mapped().deadline, number});
    return std::move(found.mapped());
}

std::optional<PushOutbox::Ended> PushOutbox::on_answer(std::uint64_t number, const Delivered& delivered, Time wall, Tick now) {
    using Kind = Delivered::Kind;
    if (delivered.kind == Kind::retry || delivered.kind == Kind::error) {
        const auto found = calls_.find(number);
        if (found == calls_.end()) return std::nullopt;
        auto& plugin = plugins_[found->second.rule];
        delivered.kind == Kind::retry ? ++plugin.figures.retried : ++plugin.figures.errors;
        delivered.kind == Kind::retry ? plugin.breaker.on_success() : plugin.breaker.on_failure(now);
        return on_failure(number, delivered.detail, delivered.after, true, wall, now);
    }
    const auto call = take_call(number);
    if (!call) return std::nullopt;
    auto& plugin = plugins_[call->rule];
    delivered.kind == Kind::sent ? ++plugin.figures.sent : ++plugin.figures.gone;
    plugin.breaker.on_success();
    auto& flight = flights_.at(call->key);
    flight.push.done.push_back({rules_[call->rule].plugin, call->device});
    flight.changed = true;
    auto ended = one_less(*call, wall, now);
    if (delivered.kind == Kind::gone) {
        ended.gone = call->device;
        ended.registration = call->registration;
    }
    return ended;
}

std::optional<PushOutbox::Ended> PushOutbox::on_failure(std::uint64_t number, std::string why, Millis after, bool counts, Time wall,
                                                        Tick now) {
    const auto call = take_call(number);
    if (!call) return std::nullopt;
    auto& flight = flights_.at(call->key);
    flight.unfinished = true;
    flight.failed |= counts;
    flight.after = std::max(flight.after, after);
    if (counts) flight.push.error = shortened(std::move(why));
    return one_less(*call, wall, now);
}

std::optional<PushOutbox::Ended> PushOutbox::on_refused(std::uint64_t number, Time wall, Tick now) {
    const auto found = calls_.find(number);
    if (found == calls_.end()) return std::nullopt;
    ++plugins_[found->second.rule].figures.refused;
    return on_failure(number, {}, kMailboxPause, false, wall, now);
}

std::vector<PushOutbox::Ended> PushOutbox::end_late(Time wall, Tick now) {
    std::vector<Ended> out;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const auto number = deadlines_.begin()->second;
        auto& plugin = plugins_[calls_.at(number).rule];
        ++plugin.figures.late;
        plugin.breaker.on_failure(now);
        out.push_back(*on_failure(number, "the plugin didn't answer in time", Millis{0}, true, wall, now));
    }
    return out;
}

Millis PushOutbox::pause_after(const PushKey& key, const Push& push) const {
    const auto doublings = std::min(push.attempts - 1, 10u);
    const auto whole = std::min(kPauseFirst * (1 << doublings), kPauseMost);
    const auto dice = stable_hash(to_string(key.user) + '.' + to_string(key.conversation) + '.' + to_string(key.seq) + '.' +
                                  std::to_string(push.attempts));
    return whole / 2 + Millis{static_cast<std::int64_t>(dice % static_cast<std::uint64_t>(whole.count() / 2 + 1))};
}

PushOutbox::Ended PushOutbox::one_less(const Call& call, Time wall, Tick now) {
    Ended ended{.key = call.key};
    if (--flights_.at(call.key).calls > 0) return ended;
    const auto found = land(call.key);
    auto flight = std::move(found->second);
    flights_.erase(found);
    if (!flight.unfinished) {
        ended.what = Ended::What::sent;
        note_ended(call.key);
        return ended;
    }
    auto& push = flight.push;
    if (!flight.failed && !flight.changed) {
        put(call.key, std::move(push), now + flight.after);
        return ended;
    }
    note_ended(call.key);
    if (flight.failed) ++push.attempts;
    const auto too_many = push.attempts >= limits_.push_max_attempts;
    if (flight.failed && (too_many || wall - push.since >= limits_.push_max_age)) {
        ended.what = Ended::What::dead;
        ended.reason = too_many ? DeadReason::attempts : DeadReason::age;
        ended.push = std::move(push);
        return ended;
    }
    const auto pause = std::max(flight.failed ? pause_after(call.key, push) : kBreakerPause, flight.after);
    push.due = wall + pause;
    ended.what = Ended::What::retries;
    ended.push = push;
    put(call.key, std::move(push), now + pause);
    return ended;
}

// ---- the table
// --------------------------------------------------------------------------------------------------------------------------

std::optional<PushOutbox::Sweep> PushOutbox::sweep(Time wall, Tick now) {
    const auto is_wanted = is_sweeping_ || (beyond_ && *beyond_ <= now);
    // What is due later makes room.
    const auto is_full = window_.size() > limits_.push_in_memory / 2 && by_due_.rbegin()->first <= now + kSweepAhead;
    if (is_page_out_ || !is_wanted || now < sweep_at_ || is_full) return std::nullopt;
    if (!is_sweeping_) {
        is_sweeping_ = true;
        sweep_from_.reset();
        beyond_.reset();  // from here on known anew, by what is passed over and what finds no room
    }
    is_page_out_ = true;
    ended_.clear();
    return Sweep{sweep_from_, wall + kSweepAhead, kSweepRows};
}

void PushOutbox::on_swept(const Swept& page, Time wall, Tick now) {
    is_page_out_ = false;
    if (page.failed || ended_.size() > kEndedMax) {
        sweep_at_ = now + kSweepRetry;
        return;
    }
    for (const auto& [key, push] : page.due) {
        if (window_.contains(key) || flights_.contains(key)) continue;
        if (ended_.contains(key) && !mutant(Mutant::push_twice)) continue;
        put(key, push, tick_of(push.due, wall, now));
    }
    if (page.next_due) is_beyond(tick_of(*page.next_due, wall, now));
    sweep_from_ = page.next;
    is_sweeping_ = page.next.has_value();
    sweep_at_ = now + Millis{1'000} * page.looked_at / kSweepRowsPerSecond;
}

std::optional<Tick> PushOutbox::first_due() const {
    auto first = beyond_ && *beyond_ != Tick::min() ? beyond_ : std::nullopt;
    if (!by_due_.empty()) first = first ? std::min(*first, by_due_.begin()->first) : by_due_.begin()->first;
    return first;
}

std::vector<PushFigures> PushOutbox::figures() const {
    std::vector<PushFigures> out;
    for (const auto& plugin : plugins_) {
        out.push_back(plugin.figures);
        out.back().is_open = plugin.breaker.is_open();
    }
    return out;
}

}  // namespace madang
