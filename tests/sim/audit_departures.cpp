// Deleted accounts at rest: nothing of the user's own is in the store, they are in no group, and nobody is anything to them.
#include "audit.hpp"
#include "check.hpp"
#include "model/deleted_user.hpp"
#include "store/keys.hpp"

namespace madang::sim {

void Audit::check_departures() const {
    for (const auto user : model_.deletions_acked())
        expect(model_.is_deleted(user), "an account whose deletion was acked is there: " + to_string(user));
    constexpr Table kOfUsers[]{Table::inbox,  Table::user_conversation, Table::preference, Table::mention, Table::relation,
                               Table::device, Table::departure};
    for (const auto table : kOfUsers) {
        const auto read = scan_all(disk_, table, [&](std::string_view key, std::string_view) {
            expect(!model_.is_deleted(UserId{id_in(key)}), "a row in " + std::string(name_of(table)) + " of a deleted user");
            return true;
        });
        expect(read.has_value(), "a table can't be read");
    }
    for (const auto& [id, source] : logs_) {
        for (const auto& [user, member] : source.members) {
            if (!model_.is_deleted(user)) continue;
            expect(is_deleted(member.user), "the row of a deleted member of " + to_string(id) + " says who that was");
            expect(source.row.kind == ConversationKind::direct || !member.present(), "a deleted user is in " + to_string(id));
        }
    }
    const auto pairs = scan_all(disk_, Table::pair, [&](std::string_view key, std::string_view value) {
        const auto pair = decode_pair(value);
        expect(pair.has_value(), "a pair that is no record");
        for (std::size_t side = 0; side < 2; ++side) {
            const UserId user{id_in(key, side * 8)};
            if (pair->gone[side]) expect(model_.is_deleted(user), "a pair that takes somebody for deleted");
            if (!model_.is_deleted(user)) continue;
            const bool is_something = pair->direct || pair->stage != Pair::Stage::none || pair->blocks[0] || pair->blocks[1];
            expect(!is_something || pair->gone[side], "a pair that does not know that one is deleted");
        }
        return true;
    });
    expect(pairs.has_value(), "the pairs can't be read");
}

}  // namespace madang::sim
