// What of the review queue an engine has in memory: which messages of its conversations wait, and which decisions are remembered. The rows
// are in the store.
//
// Owner and thread: one engine's. It writes nothing: the engine stores and erases the rows.
// Limits: Limits::held_messages, kHeldBytesMax of their texts, kHeldPerSender of one sender; beyond them may_hold says denied_by_policy. Of
// the decisions the newest kDecisionsKept.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "model/held.hpp"

namespace madang {

inline constexpr std::size_t kHeldBytesMax = 64 << 20;
inline constexpr std::uint32_t kHeldPerSender = 100;
inline constexpr std::size_t kDecisionsKept = 1'000;

class HeldQueue {
  public:
    explicit HeldQueue(std::uint32_t messages_max) : messages_max_(messages_max) {}

    std::size_t size() const { return waiting_.size(); }
    bool knows(HeldId id) const { return waiting_.contains(id) || std::ranges::find(decided_, id) != decided_.end(); }

    // Rising.
    std::vector<HeldId> waiting_of(UserId sender) const;

    Result<> may_hold(UserId sender, std::size_t text_bytes) const;
    // One that waits, or a decision that is remembered; at start in rising ids.
    void add(const HeldMessage& held);
    // It waits no more. The decision that is not remembered any longer, if there is one.
    std::optional<HeldId> decide(HeldId id);

  private:
    struct Waiting {
        UserId sender;
        std::size_t bytes = 0;
    };

    std::uint32_t messages_max_;
    std::map<HeldId, Waiting> waiting_;
    std::unordered_map<UserId, std::uint32_t> by_sender_;
    std::size_t bytes_ = 0;
    std::deque<HeldId> decided_;  // oldest first
};

}  // namespace madang
