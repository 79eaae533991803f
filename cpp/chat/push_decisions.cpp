#include "chat/push_decisions.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace madang {
namespace {

constexpr Millis kAgain{500};             // a user who couldn't be looked at
constexpr std::size_t kEarlyMax = 1'000;  // users decided before their time, at once

}  // namespace

bool PushDecisions::has_undecided(UserId user) const {
    const auto found = users_.find(user);
    return found != users_.end() && !found->second.waiting.empty();
}

void PushDecisions::queue(UserId user, Open& open, Tick at) {
    if (open.queued && *open.queued <= at) return;
    if (open.queued) queue_.erase({*open.queued, user});
    open.queued = at;
    queue_.emplace(at, user);
}

void PushDecisions::add_waiting(Open& open, const Undecided& item, Tick now) {
    open.waiting.push_back({item, now + ack_within_});
    open.last = item.cursor;
    open.active_at = now;
    ++undecided_;
}

std::optional<Cursor> PushDecisions::add(UserId user, const Undecided& item, Tick now) {
    auto& open = users_[user];
    add_waiting(open, item, now);
    queue(user, open, now + ack_within_);
    if (std::exchange(open.has_row, true)) return std::nullopt;
    open.row = open.decided();
    open.written_at = now;
    return open.row;
}

void PushDecisions::on_ack(UserId user, Cursor cursor) {
    const auto found = users_.find(user);
    if (found == users_.end() || mutant(Mutant::push_ignores_ack)) return;
    auto& waiting = found->second.waiting;
    while (!waiting.empty() && waiting.front().item.cursor <= cursor) {
        waiting.pop_front();
        --undecided_;
    }
}

bool PushDecisions::on_pushed(UserId user, Cursor cursor) {
    const auto found = users_.find(user);
    if (found == users_.end()) return false;
    auto& open = found->second;
    open.last = std::max(open.last, cursor);
    open.row = cursor;
    return true;
}

void PushDecisions::reopen(UserId user, Cursor row, const std::vector<Undecided>& items, Tick now) {
    auto& open = users_[user];
    open.has_row = true;
    open.row = open.last = row;
    open.written_at = open.active_at = now;
    for (const auto& item : items) add_waiting(open, item, now);
    queue(user, open, now + ack_within_);
}

std::vector<UserId> PushDecisions::due(Tick now) {
    std::vector<UserId> out;
    auto left = undecided_;  // when those given now are decided
    const auto is_over_full = [&] { return left > undecided_max_ && out.size() < kEarlyMax; };
    while (!queue_.empty() && (queue_.begin()->first <= now || is_over_full())) {
        const auto user = queue_.begin()->second;
        queue_.erase(queue_.begin());
        auto& open = users_.at(user);
        open.queued.reset();
        looked_at_.push_back(user);
        if (open.waiting.empty()) continue;
        if (is_over_full())
            for (auto& each : open.waiting) each.deadline = std::min(each.deadline, now);
        if (open.waiting.front().deadline > now) {
            queue(user, open, open.waiting.front().deadline);
            continue;
        }
        left -= open.waiting.size();
        open.deciding = true;
        ++deciding_;
        out.push_back(user);
    }
    return out;
}

std::optional<Undecided> PushDecisions::take_due(UserId user, Tick now) {
    const auto found = users_.find(user);
    if (found == users_.end()) return std::nullopt;
    auto& waiting = found->second.waiting;
    if (waiting.empty() || waiting.front().deadline > now) return std::nullopt;
    const auto item = waiting.front().item;
    waiting.pop_front();
    --undecided_;
    return item;
}

void PushDecisions::settled(UserId user, Tick now, bool done) {
    const auto found = users_.find(user);
    if (found == users_.end()) return;
    auto& open = found->second;
    if (std::exchange(open.deciding, false)) --deciding_;
    if (!open.waiting.empty()) queue(user, open, std::max(open.waiting.front().deadline, done ? now : now + kAgain));
    looked_at_.push_back(user);
}

void PushDecisions::forget(UserId user) {
    const auto found = users_.find(user);
    if (found == users_.end()) return;
    undecided_ -= found->second.waiting.size();
    found->second.waiting.clear();
    found->second.active_at = Tick::min() / 2;  // so that its row goes with the next look
    looked_at_.push_back(user);
}

std::vector<PushDecisions::Row> PushDecisions::rows(Tick now, bool exact) {
    std::vector<Row> out;
    auto users = std::exchange(looked_at_, {});
    if (exact) {
        users.clear();
        for (const auto& [user, open] : users_) users.push_back(user);
    }
    std::ranges::sort(users);
    users.erase(std::ranges::unique(users).begin(), users.end());
    for (const auto user : users) {
        const auto found = users_.find(user);
        if (found == users_.end()) continue;
        auto& open = found->second;
        if (open.deciding) continue;
        if (open.waiting.empty() && (exact || open.active_at + kOpenFor <= now)) {
            if (open.queued) queue_.erase({*open.queued, user});
            users_.erase(found);
            out.push_back({user, std::nullopt});
            continue;
        }
        const auto decided = open.decided();
        if (decided > open.row && (exact || open.written_at + kRowEvery <= now)) {
            open.row = decided;
            open.written_at = now;
            out.push_back({user, decided});
        }
        if (open.waiting.empty()) queue(user, open, open.active_at + kOpenFor);
    }
    return out;
}

bool PushDecisions::rows_are_exact() const {
    return std::ranges::all_of(users_,
                               [](const auto& each) { return !each.second.waiting.empty() && each.second.row == each.second.decided(); });
}

}  // namespace madang
