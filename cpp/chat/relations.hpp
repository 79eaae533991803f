// A user's relations to others, in memory with the user: who are friends, who blocks whom. For presence, typing and receipts, too.
//
// Owner and thread: the user's engine's. 24 bytes each. Limits: what the user makes is bounded by Limits::friends and Limits::blocks;
// others' requests count as friends; how many others block this user is not the user's to bound.
#pragma once

#include <span>
#include <vector>

#include "model/relation.hpp"

namespace madang {

class Relations {
  public:
    Relations() = default;
    explicit Relations(std::vector<Relation> relations);  // rising `other`s

    // Null = nothing in memory: neutral, and if there ever was something, the store has it.
    const Relation* find(UserId other) const;
    bool are_friends(UserId other) const;  // and neither blocks the other
    bool is_blocked(UserId other) const;   // either way: neither may see the other's presence, typing and receipts
    bool blocks(UserId other) const;
    std::size_t friends() const { return friends_; }  // with requests both ways, as shown
    std::size_t blocks() const { return blocks_; }
    std::span<const Relation> all() const { return relations_; }

    void put(const Relation& relation);
    // Neutral ones are kept until they are durable, since the store must be able to tell their version. When they are, they may go.
    std::size_t neutral() const { return neutral_; }
    void drop_neutral();

  private:
    void count(const Relation& relation, int by);

    std::vector<Relation> relations_;
    std::size_t friends_ = 0;
    std::size_t blocks_ = 0;
    std::size_t neutral_ = 0;
};

}  // namespace madang
