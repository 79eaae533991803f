// The store on RocksDB: the only room that knows it, and this header does not show it.
// What it is: one database in one folder, a column family per table, every append one synced write of the log.
// Owner: the composition root; must outlive everything that appends or reads.
// Thread: any, as every Store. append() blocks for the sync; appends of several threads share one. One thread of its own looks after free
// space once a second.
// Limits: memory by `cache_bytes` + `write_buffer_bytes` (and as much again while a buffer is flushed). Below `free_bytes_floor` of free
// space has_space() is false, and appends go on. When the device says "no space", append() is full until there is room again (for four
// write buffers: it is looked for every kSpaceCheck); then the database is closed and opened anew, while reads wait. Errors: after any
// other failed write or sync append() is failed for ever, since nobody knows what is on the disk; reads go on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "store/store.hpp"

namespace madang {

inline constexpr std::chrono::milliseconds kSpaceCheck{1000};

struct RocksOptions {
    std::filesystem::path path;                    // made if missing, readable by its owner alone
    std::uint64_t free_bytes_floor = 64ull << 20;  // of the file system
    std::size_t cache_bytes = 8 << 20;             // blocks, index and filters together
    std::size_t write_buffer_bytes = 16 << 20;     // of all tables together
};

class RocksStore final : public Store {
  public:
    // Errors: unavailable (another process has the folder), internal (damaged, of a newer version, not writable: `detail` says which file
    // and what to do). A log that was cut off by a power failure is repaired: only what was never acknowledged is dropped.
    static Result<std::unique_ptr<RocksStore>> open(const RocksOptions& options);
    ~RocksStore() override;

    Result<Epoch> claim(Slot slot) override;
    Result<Epoch> claim_all() override;
    Outcome append(const Batch& batch) override;
    Result<std::optional<std::string>> get(Table table, std::string_view key) const override;
    Result<> scan(Table table, std::string_view from, std::string_view to, Order order, const Visitor& visit) const override;
    bool has_space() const override;

  private:
    struct Impl;
    class Use;
    explicit RocksStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace madang
