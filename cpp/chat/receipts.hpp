// How far members have come. A user's engine knows it (the user's acks and markers) and tells the conversation's engine, which keeps the
// greatest and tells the other members.
//
// `Receipts` are those of one conversation, as its engine has them: what is on disk, and what of it is still to be told. `ReceiptOutbox` is
// what a user's engine has told and nobody has confirmed yet, which is told again: the bus may lose it.
// Owner and thread: one engine's. Limits: a receipt for each member who ever came anywhere (40 bytes); the outbox holds kMax: what does not
// find room is not told now, but when the user is loaded the next time, if nothing of that conversation is told before.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "chat/bus.hpp"
#include "model/conversation.hpp"
#include "model/signal.hpp"

namespace madang {

class Receipts {
  public:
    Receipts() = default;
    explicit Receipts(std::vector<MemberReceipt> stored);  // rising users

    Receipt of(UserId user) const;
    // True: it has risen, and is to be told and stored.
    bool merge(UserId user, const Receipt& receipt);

    bool has_news() const { return news_ > 0; }
    // Members whose receipt has risen since they were taken the last time, at most `max`; `visit(signal)` up to two times for each.
    template <typename Visit>
    void take_news(ConversationId conversation, std::size_t max, Visit&& visit);

  private:
    struct Item {
        UserId user;
        Receipt receipt;
        bool delivered_rose = false, read_rose = false;

        bool is_news() const { return delivered_rose || read_rose; }
    };
    std::vector<Item> items_;  // rising users
    std::size_t news_ = 0;     // items that are
};

class ReceiptOutbox {
  public:
    static constexpr std::size_t kMax = 200'000;

    // Has come as far as that, at least.
    void move(UserId user, ConversationId conversation, const Receipt& receipt);
    void confirm(const MoveReceipts::Item& item);
    // What has moved since it was sent the last time (`with_fresh`), and what was not confirmed for too long; at most `max`.
    std::vector<MoveReceipts::Item> take_due(Tick now, std::size_t max, bool with_fresh = true);

    bool has_fresh() const { return !fresh_.empty(); }
    std::size_t size() const { return waiting_.size(); }

  private:
    using Key = std::pair<UserId, ConversationId>;
    struct HashKey {
        std::size_t operator()(const Key& key) const {
            return std::hash<UserId>()(key.first) * 31 + std::hash<ConversationId>()(key.second);
        }
    };
    struct Waiting {
        Receipt receipt;
        bool is_fresh = true;
        unsigned sent = 0;  // so often
        Tick repeat_at{};
    };
    void send(const Key& key, Waiting& waiting, Tick now, std::vector<MoveReceipts::Item>& out);

    std::unordered_map<Key, Waiting, HashKey> waiting_;
    std::deque<Key> fresh_;
    std::multimap<Tick, Key> repeats_;
};

// What an engine keeps of receipts on their way (receiving.cpp), beside its users and conversations.
struct Receiving {
    std::set<std::pair<UserId, DeviceId>> acks;   // not stored yet
    std::set<std::pair<UserId, DeviceId>> round;  // of them, those that are being stored
    Tick round_at{};
    bool is_sending = false;  // what has moved goes out
    ReceiptOutbox outbox;
    std::size_t loading = 0;             // cold conversations that a receipt waits for
    std::deque<ConversationId> to_tell;  // whose members have to be told
    std::uint64_t last_note = 0;
    std::map<EngineIndex, std::uint64_t> newest_note;  // from each engine
};

template <typename Visit>
void Receipts::take_news(ConversationId conversation, std::size_t max, Visit&& visit) {
    for (auto& item : items_) {
        if (news_ == 0 || max == 0) return;
        if (!item.is_news()) continue;
        --news_, --max;
        const auto& [delivered, read] = item.receipt;
        if (std::exchange(item.read_rose, false)) visit(ReceiptSignal{conversation, item.user, ReceiptKind::read, read});
        // What is read is delivered: that is not said twice.
        if (std::exchange(item.delivered_rose, false) && delivered > read)
            visit(ReceiptSignal{conversation, item.user, ReceiptKind::delivered, delivered});
    }
}

}  // namespace madang
