// The store in memory: for tests and the simulator, with faults on demand. Only durable rows exist here, so a crash of whatever uses it
// is simply a new user of the same store.
// Thread: any, as every Store. A visitor of scan() may read, and must not append.
// Limits: none; what is appended stays in memory.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace madang {

// What becomes of one append.
enum class Fault : std::uint8_t {
    none,              // durable
    in_doubt_applied,  // in_doubt, and every row is there
    in_doubt_lost,     // in_doubt, and nothing is there, ever
    in_doubt_late,     // in_doubt; the rows come just before the next append, or at apply_late(), unless a claim fences them before
    full,              // full, nothing is there
    failed,            // failed, nothing is there, and so for every later append until repair()
};

// Asked once an append, under the store's lock; must not call the store.
using FaultPlan = std::function<Fault(const Batch& batch)>;

class MemoryStore final : public Store {
  public:
    MemoryStore() = default;
    explicit MemoryStore(FaultPlan plan) : plan_(std::move(plan)) {}

    Result<Epoch> claim(Slot slot) override;
    Result<Epoch> claim_all() override;
    Outcome append(const Batch& batch) override;
    Result<std::optional<std::string>> get(Table table, std::string_view key) const override;
    Result<> scan(Table table, std::string_view from, std::string_view to, Order order, const Visitor& visit) const override;
    bool has_space() const override { return has_space_.load(std::memory_order_relaxed); }

    // An empty plan: no more faults.
    void set_plan(FaultPlan plan);
    // Rows of appends in doubt that were to come later come now. How many appends became visible?
    std::size_t apply_late();
    // After Fault::failed: as if the process had been restarted on a sound device.
    void repair();
    // False: has_space() is false and every append is full.
    void set_space(bool has_space) { has_space_.store(has_space, std::memory_order_relaxed); }

    std::size_t rows(Table table) const;
    std::uint64_t appends() const;  // that became durable, late ones included

  private:
    using Rows = std::map<std::string, std::string, std::less<>>;

    bool fenced(const Batch& batch) const;
    void apply(const Batch& batch);
    std::size_t apply_late_locked();

    // Recursive, since a visitor may read.
    mutable std::recursive_mutex mutex_;
    std::array<Rows, kTables> tables_;
    std::array<Epoch, kSlots> epochs_{};  // the epoch table: not kept as rows
    std::vector<Batch> late_;             // in order of their appends
    FaultPlan plan_;
    std::atomic<bool> has_space_{true};
    bool failed_ = false;
    std::uint64_t appends_ = 0;
};

}  // namespace madang
