// Answers that need only the store and so no engine has to give, run by the reader pool. Durable rows are published rows, so what is read
// here is never ahead of what was promised.
// Thread: any. Errors: internal (corruption), else as the request says.
#pragma once

#include "base/limits.hpp"
#include "chat/effects.hpp"
#include "chat/requests.hpp"
#include "store/store.hpp"

namespace madang {

// Answers a query: History, ListMembers, GetConversation, ListConversations, ListRelations.
Result<Response> answer(const Store& store, const Limits& limits, const Query& query);
// Answers a poll whose page is not in memory.
Result<Response> answer(const Store& store, const Limits& limits, const LoadInboxPage& page);

}  // namespace madang
