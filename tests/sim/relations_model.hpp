// What is known for certain of blocks: which were acked and not asked to be lifted since. A lost or unanswered request may still have its
// effect later, so most of the time nothing is certain; then nothing is checked.
#pragma once

#include <map>
#include <utility>

#include "chat/requests.hpp"

namespace madang::sim {

class RelationsModel {
  public:
    // Answers what on_answer wants to know again: how many lifts had been asked for.
    std::uint64_t on_asked(const ChangeRelation& change);
    void on_answer(const ChangeRelation& change, std::uint64_t lifts_before, bool ok);

    // The number of a block that stands between the two for certain, whoever set it; 0 = there may be none.
    std::uint64_t certain(UserId a, UserId b) const;
    bool stands(UserId blocker, UserId other) const;
    bool block_asked(UserId blocker, UserId other) const;
    bool block_asked_between(UserId a, UserId b) const { return block_asked(a, b) || block_asked(b, a); }
    bool friends_asked(UserId a, UserId b) const { return asked_.contains({a, b}) || asked_.contains({b, a}); }

  private:
    struct Block {
        std::uint64_t asked = 0, lifts_asked = 0, lifts_answered = 0;
        std::uint64_t number = 0;
    };
    const Block* find(UserId blocker, UserId other) const;

    std::map<std::pair<UserId, UserId>, Block> blocks_;  // (blocker, other)
    std::map<std::pair<UserId, UserId>, unsigned> asked_;
    std::uint64_t last_number_ = 0;
};

}  // namespace madang::sim
