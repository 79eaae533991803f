#include "chat/pair.hpp"

#include "base/mutant.hpp"

namespace madang {
namespace {

using Stage = Pair::Stage;

Stage asked_by(std::size_t side) { return side == 0 ? Stage::lower_asked : Stage::higher_asked; }

}  // namespace

Result<Pair> after(Pair pair, std::size_t side, RelationAct act) {
    switch (act) {
        case RelationAct::befriend:
            if (pair.blocks[side]) return fail(Code::blocked, "you have blocked this user");
            if (pair.stage == asked_by(1 - side))
                pair.stage = Stage::friends;
            else if (pair.stage == Stage::none)
                pair.stage = asked_by(side);
            break;
        case RelationAct::unfriend: pair.stage = Stage::none; break;
        case RelationAct::block: pair.blocks[side] = true; break;
        case RelationAct::unblock: pair.blocks[side] = false; break;
    }
    return pair;
}

Pair without(Pair pair, std::size_t side) {
    pair.gone[side] = true;
    pair.stage = Stage::none;
    pair.blocks = {};
    return pair;
}

FriendState shown_to(std::size_t side, const Pair& pair) {
    if (pair.blocks[side] || (mutant(Mutant::block_shows) && pair.blocks[1 - side])) return FriendState::none;
    if (pair.stage == Stage::none) return FriendState::none;
    if (pair.stage == Stage::friends) return FriendState::friends;
    return pair.stage == asked_by(side) ? FriendState::requested : FriendState::asked;
}

Relation relation_of(std::size_t side, const Pair& pair, UserId other) {
    return {.other = other,
            .version = pair.version,
            .state = shown_to(side, pair),
            .blocks = pair.blocks[side],
            .blocked_by = pair.blocks[1 - side]};
}

}  // namespace madang
