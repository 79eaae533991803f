#include "base/snowflake.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace madang {
namespace {

constexpr int kLowBits = 12;
constexpr int kWorkerBits = 10;
constexpr int kTimeShift = kLowBits + kWorkerBits;
constexpr std::uint32_t kCounterMax = (1u << kLowBits) - 1;

std::uint64_t ms_of(std::uint64_t id) { return id >> kTimeShift; }

std::uint64_t compose(std::uint64_t ms, WorkerId worker, std::uint64_t low) {
    return (ms << kTimeShift) | (std::uint64_t{worker} << kLowBits) | low;
}

}  // namespace

IdGenerator::IdGenerator(WorkerId worker, const Clock& clock) : worker_(worker), clock_(clock) { MADANG_ASSERT(worker < kWorkers); }

std::uint64_t IdGenerator::wall_ms() const {
    const auto since = (clock_.now() - kIdEpoch).count();
    return since > 0 ? static_cast<std::uint64_t>(since) : 1;
}

void IdGenerator::pass(std::uint64_t id) {
    floor_ms_ = std::max(floor_ms_, ms_of(id) + 1);
    message_ms_ = std::max(message_ms_, floor_ms_ - 1);
}

std::uint64_t IdGenerator::slotted(Slot slot) {
    // A taken (millisecond, worker, slot) takes the next millisecond.
    auto& last = slot_ms_[slot];
    last = std::max({wall_ms(), floor_ms_, last + 1});
    return compose(last, worker_, slot);
}

MessageId IdGenerator::message(MessageId after) {
    const auto wall = std::max(wall_ms(), floor_ms_);
    if (wall > message_ms_) {
        message_ms_ = wall;
        message_counter_ = 0;
    } else if (++message_counter_ > kCounterMax) {
        ++message_ms_;
        message_counter_ = 0;
    }
    if (compose(message_ms_, worker_, message_counter_) <= after.value) {
        message_ms_ = ms_of(after.value) + 1;
        message_counter_ = 0;
    }
    return MessageId{compose(message_ms_, worker_, message_counter_)};
}

Time time_of(MessageId id) { return kIdEpoch + Millis{static_cast<std::int64_t>(ms_of(id.value))}; }

}  // namespace madang
