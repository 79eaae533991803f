#include "chat/receipts.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "base/result.hpp"

namespace madang {
namespace {

constexpr Millis kSentAgainAfter{1'000};
constexpr unsigned kSentAgainDoublings = 1;  // at most every 2 s: what finds no room to be loaded is told again soon

}  // namespace

Receipts::Receipts(std::vector<MemberReceipt> stored) {
    items_.reserve(stored.size());
    for (const auto& [user, receipt] : stored) items_.push_back({user, receipt});
    MADANG_ASSERT(std::ranges::is_sorted(items_, {}, &Item::user));
}

Receipt Receipts::of(UserId user) const {
    const auto at = std::ranges::lower_bound(items_, user, {}, &Item::user);
    return at == items_.end() || at->user != user ? Receipt{} : at->receipt;
}

bool Receipts::merge(UserId user, const Receipt& receipt) {
    auto at = std::ranges::lower_bound(items_, user, {}, &Item::user);
    if (at == items_.end() || at->user != user) at = items_.insert(at, Item{user, {}});
    const auto before = at->receipt;
    if (mutant(Mutant::receipts_overwrite)) at->receipt = {};
    at->receipt.merge(receipt);
    if (at->receipt == before) return false;
    news_ += at->is_news() ? 0 : 1;
    at->read_rose |= at->receipt.read != before.read;
    at->delivered_rose |= at->receipt.delivered != before.delivered;
    return true;
}

void ReceiptOutbox::move(UserId user, ConversationId conversation, const Receipt& receipt) {
    const Key key{user, conversation};
    auto found = waiting_.find(key);
    if (found == waiting_.end()) {
        if (waiting_.size() >= kMax) return;
        found = waiting_.emplace(key, Waiting{}).first;
        fresh_.push_back(key);
    }
    auto& waiting = found->second;
    if (waiting.receipt.merge(receipt) && !std::exchange(waiting.is_fresh, true)) fresh_.push_back(key);
}

void ReceiptOutbox::confirm(const MoveReceipts::Item& item) {
    const auto found = waiting_.find({item.user, item.conversation});
    if (found != waiting_.end() && !found->second.is_fresh && item.receipt.covers(found->second.receipt)) waiting_.erase(found);
}

std::vector<MoveReceipts::Item> ReceiptOutbox::take_due(Tick now, std::size_t max, bool with_fresh) {
    std::vector<MoveReceipts::Item> due;
    for (; with_fresh && !fresh_.empty() && due.size() < max; fresh_.pop_front()) {
        auto& waiting = waiting_.at(fresh_.front());
        waiting.is_fresh = false;
        waiting.sent = 0;
        send(fresh_.front(), waiting, now, due);
    }
    while (!repeats_.empty() && repeats_.begin()->first <= now && due.size() < max) {
        const auto [at, key] = *repeats_.begin();
        repeats_.erase(repeats_.begin());
        const auto found = waiting_.find(key);
        // Confirmed meanwhile, or sent again since.
        if (found == waiting_.end() || found->second.is_fresh || found->second.repeat_at != at) continue;
        if (!mutant(Mutant::lost_receipts)) send(key, found->second, now, due);
    }
    return due;
}

void ReceiptOutbox::send(const Key& key, Waiting& waiting, Tick now, std::vector<MoveReceipts::Item>& out) {
    out.push_back({key.second, key.first, waiting.receipt});
    waiting.repeat_at = now + kSentAgainAfter * (1 << std::min(waiting.sent++, kSentAgainDoublings));
    repeats_.emplace(waiting.repeat_at, key);
}

}  // namespace madang
