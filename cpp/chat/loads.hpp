// Cold state for an engine, read by the reader pool. Durable rows are published rows, so what is read here is never ahead of what was
// promised.
// Thread: any. Errors: internal (corruption), inside what is loaded.
#pragma once

#include "base/limits.hpp"
#include "chat/effects.hpp"
#include "chat/loaded.hpp"
#include "store/store.hpp"

namespace madang {

// Runs a Load… job for the engine `index` of `engines`. Not for Query, nor for a LoadInboxPage with `poll`: those are answered
// (queries.hpp).
Loaded load(const Store& store, const Limits& limits, EngineIndex index, unsigned engines, const Job& job);

}  // namespace madang
