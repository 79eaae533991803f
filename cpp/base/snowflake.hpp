// Ids of users, conversations and messages: `41 bit ms since 2025-01-01 UTC | 10 bit worker | 12 bit slot or counter` (decision 0001).
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang {

inline constexpr Time kIdEpoch{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1}};

using WorkerId = std::uint16_t;  // 0–1023, one per engine of a deployment
inline constexpr unsigned kWorkers = 1024;

// Owned by one engine, its thread only. Never gives an id twice and never goes back, also when the wall clock does: time inside ids then
// runs ahead of the wall until the wall has caught up.
class IdGenerator {
  public:
    IdGenerator(WorkerId worker, const Clock& clock);

    // Nothing at or below this id's millisecond is given again: called with the greatest id found in the store, so that ids rise through
    // restarts and clock steps backwards.
    void pass(std::uint64_t id);

    UserId user(Slot slot) { return UserId{slotted(slot)}; }
    ConversationId conversation(Slot slot) { return ConversationId{slotted(slot)}; }
    HeldId held(Slot slot) { return HeldId{slotted(slot)}; }
    // Greater than `after`, the conversation's last message id.
    MessageId message(MessageId after);

  private:
    std::uint64_t slotted(Slot slot);
    std::uint64_t wall_ms() const;

    WorkerId worker_;
    const Clock& clock_;
    std::uint64_t floor_ms_ = 0;                   // from pass()
    std::array<std::uint64_t, kSlots> slot_ms_{};  // last millisecond used per slot
    std::uint64_t message_ms_ = 0;
    std::uint32_t message_counter_ = 0;
};

Time time_of(MessageId id);

}  // namespace madang
