// Reads of a conversation's log that don't go through what isn't asked for, however much of it stands in a row. Each shadowed entry says
// what lies behind the run that it ends (Entry::shadow), and each that is no message where the newest one before it is
// (Entry::message_before), so a run costs a few reads.
// Thread: any. Errors: internal, and what `visit` returns.
#pragma once

#include <functional>

#include "base/result.hpp"
#include "model/entry.hpp"
#include "store/store.hpp"

namespace madang {

inline constexpr Seq kBehindAll{~std::uint64_t{0}};

// False = enough.
using VisitEntry = std::function<Result<bool>(const EntryPtr& entry)>;

// What this user may be shown, as far as shadowing goes, of [from, to): newest first, and oldest first.
Result<> walk_shown_back(const Store& store, ConversationId id, UserId user, Seq from, Seq to, const VisitEntry& visit);
Result<> walk_shown(const Store& store, ConversationId id, UserId user, Seq from, Seq to, const VisitEntry& visit);
// The same of the messages alone.
Result<> walk_messages_back(const Store& store, ConversationId id, UserId user, Seq from, Seq to, const VisitEntry& visit);
Result<> walk_messages(const Store& store, ConversationId id, UserId user, Seq from, Seq to, const VisitEntry& visit);
// Everything before `to`, newest first; of a run of shadowed entries only the newest.
Result<> walk_runs_back(const Store& store, ConversationId id, Seq to, const VisitEntry& visit);

}  // namespace madang
