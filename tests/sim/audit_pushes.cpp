// Who had nobody attached, or whose devices acked nothing in time, was notified of every message: everything in the inboxes against what
// reached the plugins.
#include "audit.hpp"
#include "check.hpp"
#include "store/keys.hpp"
#include "store/push_records.hpp"

namespace madang::sim {

void Audit::check_pushes() const {
    const auto& rules = plan_.pushes;
    std::size_t dead = 0;
    for (const auto table : {Table::push_outbox, Table::push_open, Table::push_dead}) {
        const auto read = scan_all(disk_, table, [&](std::string_view, std::string_view) {
            expect(!rules.empty(), "a row of pushes though no plugin pushes");
            expect(table == Table::push_dead, "pushes that are still open at rest");
            return ++dead, true;
        });
        expect(read.has_value(), "the tables of pushes can't be read");
    }
    expect(dead <= std::size_t{plan_.limits.push_dead_max} * 3, "more pushes that were given up than are kept");
    for (std::uint32_t rule = 0; rule < rules.size(); ++rule)
        if (!rules[rule].takes_registrations())
            for (const auto& [user, items] : inboxes_) check_pushes(user, items, rule);
}

void Audit::check_pushes(UserId user, const std::vector<InboxItem>& items, std::uint32_t rule) const {
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto& item = items[i];
        if (item.type != EntryType::message_created || item.own) continue;
        const PushKey key{user, item.conversation_id, item.seq};
        if (model_.pushes().was_handed_out(key, rule, {}) || model_.pushes().was_given_up(key)) continue;
        const auto& source = log(item.conversation_id);
        if (source.at(item.seq).message.deleted) continue;
        const auto& stays = source.stays.at(user);
        if (stays.back().left || stays.back().joined > item.seq) continue;  // gone since
        expect(model_.pushes().is_excused(user, Cursor{i + 1}, item.conversation_id, item.seq),
               "nobody was notified of (" + to_string(item.conversation_id) + ", " + to_string(item.seq) + ") for user " + to_string(user));
    }
}

}  // namespace madang::sim
