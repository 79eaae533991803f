// The audit of one user: what the server serves of unread, mentions and read markers, recounted from the logs, the inbox and the table of
// mentions alone. It must agree always, whatever is under way: everything is compared as of the newest entry that the inbox has.
// Thread: any. Limits: memory for the user's conversations and for the edited messages of one of them; kAuditEntries positions a page, but
// one conversation at least. Errors: internal (damaged rows).
#pragma once

#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "chat/requests.hpp"
#include "store/records.hpp"
#include "store/store.hpp"

namespace madang {

inline constexpr std::uint64_t kAuditEntries = 100'000;

// What the user's engine serves at one moment.
struct Audited {
    UserId user;
    Cursor tail;
    std::vector<UserConversation> rows;  // rising ids
};

// `after` none: the first page, which also looks at markers, at what a restart would load, and at the table of mentions.
Result<AuditReport> audit(const Store& store, const Limits& limits, const Audited& served, std::optional<ConversationId> after);

}  // namespace madang
