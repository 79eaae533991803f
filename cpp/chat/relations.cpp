#include "chat/relations.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace madang {

Relations::Relations(std::vector<Relation> relations) : relations_(std::move(relations)) {
    MADANG_ASSERT(std::ranges::is_sorted(relations_, {}, &Relation::other));
    for (const auto& each : relations_) count(each, 1);
}

void Relations::count(const Relation& relation, int by) {
    const auto step = static_cast<std::size_t>(by);  // minus one wraps round, as unsigned sums do
    friends_ += relation.state != FriendState::none ? step : 0;
    blocks_ += relation.blocks ? step : 0;
    neutral_ += relation.is_neutral() ? step : 0;
}

const Relation* Relations::find(UserId other) const {
    const auto place = std::ranges::lower_bound(relations_, other, {}, &Relation::other);
    return place == relations_.end() || place->other != other ? nullptr : &*place;
}

bool Relations::are_friends(UserId other) const {
    const auto* relation = find(other);
    return relation && relation->state == FriendState::friends && !relation->is_blocked();
}

bool Relations::is_blocked(UserId other) const {
    const auto* relation = find(other);
    return relation && relation->is_blocked();
}

bool Relations::blocks(UserId other) const {
    const auto* relation = find(other);
    return relation && relation->blocks;
}

void Relations::put(const Relation& relation) {
    const auto place = std::ranges::lower_bound(relations_, relation.other, {}, &Relation::other);
    if (place != relations_.end() && place->other == relation.other) {
        count(*place, -1);
        *place = relation;
    } else {
        relations_.insert(place, relation);
    }
    count(relation, 1);
}

void Relations::drop_neutral() {
    std::erase_if(relations_, [](const Relation& each) { return each.is_neutral(); });
    neutral_ = 0;
}

}  // namespace madang
