#include "store/memory_store.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

namespace madang {

Result<Epoch> MemoryStore::claim(Slot slot) {
    MADANG_ASSERT(slot < kSlots);
    const std::scoped_lock lock(mutex_);
    if (failed_) return fail(Code::internal, "the store has failed");
    return ++epochs_[slot];
}

Result<Epoch> MemoryStore::claim_all() {
    const std::scoped_lock lock(mutex_);
    if (failed_) return fail(Code::internal, "the store has failed");
    // One epoch for all, above every one given before.
    const Epoch epoch = *std::ranges::max_element(epochs_) + 1;
    epochs_.fill(epoch);
    return epoch;
}

bool MemoryStore::fenced(const Batch& batch) const {
    return std::ranges::any_of(batch.fences(), [&](const Fence& fence) { return epochs_[fence.slot] != fence.epoch; });
}

void MemoryStore::apply(const Batch& batch) {
    batch.for_each([&](const Batch::Row& row) {
        auto& rows = tables_[static_cast<std::size_t>(row.table)];
        const auto at = rows.lower_bound(row.key);
        const bool found = at != rows.end() && at->first == row.key;
        if (row.erase) {
            if (found) rows.erase(at);
        } else if (found) {
            at->second.assign(row.value);
        } else {
            rows.emplace_hint(at, row.key, row.value);
        }
    });
    ++appends_;
}

std::size_t MemoryStore::apply_late_locked() {
    std::size_t applied = 0;
    for (const auto& batch : std::exchange(late_, {})) {
        if (fenced(batch)) continue;
        apply(batch);
        ++applied;
    }
    return applied;
}

Outcome MemoryStore::append(const Batch& batch) {
    const std::scoped_lock lock(mutex_);
    if (failed_) return Outcome::failed;
    // Before anything newer: what was in doubt must never overwrite what was written after it.
    apply_late_locked();
    if (fenced(batch)) return Outcome::fenced;
    if (!has_space()) return Outcome::full;
    switch (plan_ ? plan_(batch) : Fault::none) {
        case Fault::none: apply(batch); return Outcome::durable;
        case Fault::in_doubt_applied: apply(batch); return Outcome::in_doubt;
        case Fault::in_doubt_lost: return Outcome::in_doubt;
        case Fault::in_doubt_late: late_.push_back(batch); return Outcome::in_doubt;
        case Fault::full: return Outcome::full;
        case Fault::failed: failed_ = true; return Outcome::failed;
    }
    std::unreachable();
}

Result<std::optional<std::string>> MemoryStore::get(Table table, std::string_view key) const {
    const std::scoped_lock lock(mutex_);
    const auto& rows = tables_[static_cast<std::size_t>(table)];
    const auto at = rows.find(key);
    return at == rows.end() ? std::nullopt : std::optional(at->second);
}

Result<> MemoryStore::scan(Table table, std::string_view from, std::string_view to, Order order, const Visitor& visit) const {
    if (from >= to) return {};
    const std::scoped_lock lock(mutex_);
    const auto& rows = tables_[static_cast<std::size_t>(table)];
    const std::ranges::subrange range(rows.lower_bound(from), rows.lower_bound(to));
    const auto show = [&](const auto& row) { return visit(row.first, row.second); };
    // all_of stops at the first visitor that has enough.
    if (order == Order::ascending)
        std::ignore = std::ranges::all_of(range, show);
    else
        std::ignore = std::ranges::all_of(range | std::views::reverse, show);
    return {};
}

void MemoryStore::set_plan(FaultPlan plan) {
    const std::scoped_lock lock(mutex_);
    plan_ = std::move(plan);
}

std::size_t MemoryStore::apply_late() {
    const std::scoped_lock lock(mutex_);
    return apply_late_locked();
}

void MemoryStore::repair() {
    const std::scoped_lock lock(mutex_);
    failed_ = false;
}

std::size_t MemoryStore::rows(Table table) const {
    const std::scoped_lock lock(mutex_);
    return tables_[static_cast<std::size_t>(table)].size();
}

std::uint64_t MemoryStore::appends() const {
    const std::scoped_lock lock(mutex_);
    return appends_;
}

}  // namespace madang
