// The log contract: what the core needs of any store. RocksDB in rocks/, in memory with injected faults in memory_store.hpp, later others;
// all pass one conformance suite (tests/cpp/store/conformance.hpp).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "store/batch.hpp"

namespace madang {

enum class Outcome : std::uint8_t {
    durable,   // every row is on disk (fsynced), all or nothing
    fenced,    // some fence is not current: nothing was written, and nothing ever will be; stop owning
    in_doubt,  // unknown: written, or not, or later. Repeat the same batch; meanwhile ack, show and renumber nothing
    full,      // the device has no room. Nothing was written; repeat it, or give it up
    failed,    // the device failed: nothing of it may be acked, and this store takes no batch any more. Reads go on
};

enum class Order : std::uint8_t { ascending, descending };

// Thread-safe: any thread may call anything. Reads see every durable batch and never a part of one.
class Store {
  public:
    virtual ~Store() = default;

    // Makes the caller the only writer of the slot: a durable, rising epoch. Batches under older ones are fenced from now on.
    virtual Result<Epoch> claim(Slot slot) = 0;
    // All slots at once: one durable write.
    virtual Result<Epoch> claim_all() = 0;

    // Writes the batch atomically and returns when it is durable or refused. Blocks for the sync. Repeating a batch is harmless; once a
    // batch or its repeat is durable, nothing of it comes later over newer rows.
    virtual Outcome append(const Batch& batch) = 0;

    // Point read. Errors: internal (corruption: the detail names the place; nothing wrong is ever returned).
    virtual Result<std::optional<std::string>> get(Table table, std::string_view key) const = 0;

    // Visits rows with from ≤ key < to, in order, until `visit` returns false. Both views live during the call only. `visit` may read the
    // store, and must not append to it.
    // Descending starts at the greatest key < to. Errors as get; rows visited before the error were right.
    using Visitor = std::function<bool(std::string_view key, std::string_view value)>;
    virtual Result<> scan(Table table, std::string_view from, std::string_view to, Order order, const Visitor& visit) const = 0;

    // False below the floor of free space: sends are refused before they are made, reads go on, and what is under way already is still
    // appended. Cheap; may lag a second.
    virtual bool has_space() const = 0;
};

}  // namespace madang
