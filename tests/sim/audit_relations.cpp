// Friends and blocks at rest: both copies say what the pair says, the inboxes tell every change of what is shown exactly once and in order,
// and nothing of a block is to be seen by the blocked one.
#include "audit.hpp"
#include "check.hpp"
#include "store/keys.hpp"

namespace madang::sim {
namespace {

// Written down once more, not taken from the engine.
FriendState expected_state(const Pair& pair, bool is_lower) {
    if (pair.blocks[is_lower ? 0 : 1]) return FriendState::none;
    switch (pair.stage) {
        case Pair::Stage::none: return FriendState::none;
        case Pair::Stage::friends: return FriendState::friends;
        case Pair::Stage::lower_asked: return is_lower ? FriendState::requested : FriendState::asked;
        case Pair::Stage::higher_asked: return is_lower ? FriendState::asked : FriendState::requested;
    }
    return FriendState::none;
}

}  // namespace

void Audit::check_relations() const {
    std::map<std::pair<UserId, UserId>, FriendState> told;
    for (const auto& [user, items] : inboxes_) {
        for (const auto& item : items) {
            if (item.type != EntryType::friend_updated) continue;
            auto& last = told[{user, item.note->user.id}];
            expect(item.note->state != last, "user " + to_string(user) + " is told twice of one state");
            last = item.note->state;
        }
    }
    std::size_t copies = 0, expected_copies = 0;
    const auto read = scan_all(disk_, Table::pair, [&](std::string_view key, std::string_view value) {
        const UserId lower{id_in(key)}, higher{id_in(key, 8)};
        const auto pair = decode_pair(value);
        expect(pair.has_value(), "a pair that is no record");
        for (const bool is_lower : {true, false}) {
            const auto user = is_lower ? lower : higher, other = is_lower ? higher : lower;
            const auto who = " of user " + to_string(user) + " with " + to_string(other);
            const bool is_over = pair->gone[0] || pair->gone[1];
            expect(is_over || !model_.relations().stands(user, other) || pair->blocks[is_lower ? 0 : 1], "an acked block is gone" + who);
            expect(pair->stage == Pair::Stage::none || model_.relations().friends_asked(user, other), "friends whom nobody asked" + who);
            const auto state = expected_state(*pair, is_lower);
            const auto note = told.find({user, other});
            expect((note == told.end() ? FriendState::none : note->second) == state, "the last friend.updated" + who + " is not the state");
            if (pair->version == 0 || model_.is_deleted(user)) continue;
            ++expected_copies;
            const auto row = disk_.get(Table::relation, relation_key(user, other));
            expect(row && *row, "no copy" + who);
            const auto copy = decode_relation(other, **row);
            expect(copy.has_value(), "a relation that is no record");
            const Relation wanted{other, pair->version, state, pair->blocks[is_lower ? 0 : 1], pair->blocks[is_lower ? 1 : 0]};
            expect(*copy == wanted, "the copy" + who + " is not what the pair says");
        }
        return true;
    });
    expect(read.has_value(), "the pairs can't be read");
    (void)scan_all(disk_, Table::relation, [&](auto, auto) { return ++copies > 0; });
    expect(copies == expected_copies, "a copy of no pair");
}

}  // namespace madang::sim
