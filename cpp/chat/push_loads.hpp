// Reads of pushes from the store: what is open at a start, pages of the outbox, what a notification says, what was given up.
// Thread: any. Errors: internal (corruption), in the place where the answer has room for them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "chat/effects.hpp"
#include "chat/loaded.hpp"
#include "chat/push_decisions.hpp"
#include "store/store.hpp"

namespace madang {

// At a start: everything that an earlier run left undecided, how many rows the outbox has, and what was given up, oldest first; of the
// slots of one engine. Reads keys only but for those users' newest inbox items.
struct StoredPushes {
    struct Open {
        UserId user;
        Cursor row;                    // all up to there was decided
        std::vector<Undecided> items;  // the messages of others behind it that no device has acked
    };
    std::vector<Open> open;
    std::uint64_t depth = 0;
    std::vector<PushKey> dead;
};
Result<StoredPushes> read_stored_pushes(const Store& store, EngineIndex index, unsigned engines);

LoadedPushes load_pushes(const Store& store, const Limits& limits, const LoadPushes& job);
SweptPushes sweep_pushes(const Store& store, EngineIndex index, unsigned engines, const SweepPushes& job);
Result<DeadPushPage> list_dead_pushes(const Store& store, std::size_t limit, const std::optional<PushKey>& after);

}  // namespace madang
