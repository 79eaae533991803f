// Reads of receipts, run by the reader pool with the others (queries.hpp). Thread: any. Errors: internal.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "chat/effects.hpp"
#include "chat/requests.hpp"
#include "store/records.hpp"
#include "store/store.hpp"

namespace madang {

// Of all members of a conversation who have come anywhere, in order of user id.
Result<std::vector<MemberReceipt>> read_receipts(const Store& store, ConversationId conversation);

// Into the members of one page, in order of user id, as `viewer` may see them.
Result<> fill_in_receipts(const Store& store, ConversationId conversation, UserId viewer, std::span<MemberView> members);

// The newest entry of each conversation among these inbox items.
Result<std::vector<std::pair<ConversationId, Seq>>> read_delivered(const Store& store, const LoadDelivered& range);

// How far a user has come, by their own rows: up to `acked` in the inbox, and the markers. Of the conversations that were active last,
// those whose rows say less: a crash has kept it from them. `newest`: of each conversation the newest entry at or before `acked` among the
// items since the checkpoint.
Result<std::vector<std::pair<ConversationId, Receipt>>> read_untold(const Store& store, UserId user,
                                                                    std::span<const UserConversation> conversations, Cursor acked,
                                                                    const std::map<ConversationId, Seq>& newest);

}  // namespace madang
