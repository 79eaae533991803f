#include "relations_model.hpp"

namespace madang::sim {

const RelationsModel::Block* RelationsModel::find(UserId blocker, UserId other) const {
    const auto found = blocks_.find({blocker, other});
    return found == blocks_.end() ? nullptr : &found->second;
}

std::uint64_t RelationsModel::on_asked(const ChangeRelation& change) {
    auto& block = blocks_[{change.actor.user, change.user}];
    if (change.act == RelationAct::befriend) ++asked_[{change.actor.user, change.user}];
    if (change.act == RelationAct::block) ++block.asked;
    if (change.act == RelationAct::unblock) ++block.lifts_asked, block.number = 0;
    return block.lifts_asked;
}

void RelationsModel::on_answer(const ChangeRelation& change, std::uint64_t lifts_before, bool ok) {
    auto& block = blocks_.at({change.actor.user, change.user});
    if (change.act == RelationAct::unblock) ++block.lifts_answered;
    const bool is_certain = block.lifts_asked == block.lifts_answered && block.lifts_asked == lifts_before;
    if (change.act == RelationAct::block && ok && is_certain && block.number == 0) block.number = ++last_number_;
}

std::uint64_t RelationsModel::certain(UserId a, UserId b) const {
    const auto* one = find(a, b);
    if (one && one->number != 0) return one->number;
    const auto* other = find(b, a);
    return other ? other->number : 0;
}

bool RelationsModel::stands(UserId blocker, UserId other) const {
    const auto* block = find(blocker, other);
    return block && block->number != 0;
}

bool RelationsModel::block_asked(UserId blocker, UserId other) const {
    const auto* block = find(blocker, other);
    return block && block->asked > 0;
}

}  // namespace madang::sim
