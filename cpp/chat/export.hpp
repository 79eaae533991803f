// A page of all that an account has: what the user's engine picks for it, and the reader's half, which looks up the rest.
// Thread: any. Limits: Limits::page_items things a page, Limits::page_bytes of text but one thing at least; for the user's own messages
// kExportEntries entries of logs are looked at, so that a page may have none and yet not be the last one. Errors: internal.
#pragma once

#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "chat/effects.hpp"
#include "store/store.hpp"

namespace madang {

inline constexpr std::size_t kExportEntries = 10'000;

struct Exported {
    std::optional<Account> account;
    std::vector<Device> devices;
    std::vector<Relation> friends, blocks;
    std::vector<ConversationId> conversations;
    std::vector<OwnView> own;          // of these
    std::vector<ConversationId> logs;  // where own messages are looked for, in the first from `from`, in the others from the first one
    Seq from;
    std::size_t messages = 0;         // at most
    std::optional<ExportPlace> next;  // when all that is done
};

// `query.exported` must be there.
Result<Response> export_page(const Store& store, const Limits& limits, const Query& query);

}  // namespace madang
