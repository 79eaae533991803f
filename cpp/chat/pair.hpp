// The rules of a pair: what an act of one side makes of it, and what each side is shown. Pure functions.
// Thread: any. Errors: blocked (asking somebody whom one blocks).
#pragma once

#include <algorithm>
#include <utility>

#include "base/result.hpp"
#include "model/relation.hpp"

namespace madang {

// Lower id first: how pairs are kept.
inline std::pair<UserId, UserId> ordered(UserId a, UserId b) { return {std::min(a, b), std::max(a, b)}; }

// The pair after the act, which need not differ. The version is the caller's.
Result<Pair> after(Pair pair, std::size_t side, RelationAct act);
// The pair when that side's account is deleted: nothing is between the two any more, and nothing can be.
Pair without(Pair pair, std::size_t side);
// What that side is shown: who blocks sees nothing of the other one; who is blocked sees what was there before, and must not tell it from a
// pair without a block.
FriendState shown_to(std::size_t side, const Pair& pair);
// That side's copy of the pair.
Relation relation_of(std::size_t side, const Pair& pair, UserId other);

}  // namespace madang
