// Reads that need only the store, run by the reader pool: cold state for an engine, and answers that no engine has to give. Durable rows
// are published rows, so what is read here is never ahead of what was promised.
// Thread: any. Errors: internal (corruption), else as the request says.
#pragma once

#include <utility>

#include "base/limits.hpp"
#include "chat/effects.hpp"
#include "chat/loaded.hpp"
#include "store/store.hpp"

namespace madang {

// Runs a Load… job for the engine `index` of `engines`. Not for Query, nor for a LoadInboxPage with `poll`.
Loaded load(const Store& store, const Limits& limits, EngineIndex index, unsigned engines, const Job& job);
// Answers a query: History, ListMembers, GetConversation, ListConversations, ListRelations.
Result<Response> answer(const Store& store, const Limits& limits, const Query& query);
// Answers a poll whose page is not in memory.
Result<Response> answer(const Store& store, const Limits& limits, const LoadInboxPage& page);

}  // namespace madang
