// What the entries themselves say: counts, titles and roles as of each entry, so that a replay shows what was.
#include "audit.hpp"
#include "check.hpp"

namespace madang::sim {
namespace {

bool is_creation(const Entry& entry) {
    return entry.type == EntryType::conversation_created ||
           (entry.type == EntryType::member_joined && entry.change->member.joined_seq() == Seq{1});
}

}  // namespace

void Audit::check_changes() const {
    for (const auto& [id, source] : logs_) check_changes(source);
}

void Audit::check_changes(const Log& source) const {
    const auto& row = source.row;
    std::uint32_t count = 0;
    for (const auto& entry : source.entries) count += entry->type == EntryType::member_joined && is_creation(*entry) ? 1 : 0;
    auto state = source.entries.front()->change->conversation;
    Time last_message{};
    for (const auto& entry : source.entries) {
        if (entry->is_message()) {
            expect(entry->created_at >= last_message, "the time of a message falls at " + at(*entry));
            last_message = entry->created_at;
            continue;
        }
        if (!entry->change) continue;
        const auto& now = entry->change->conversation;
        if (entry->type == EntryType::member_joined && !is_creation(*entry)) ++count;
        if (entry->type == EntryType::member_left) --count;
        expect(now.members_count == count, "an entry with a wrong members_count at " + at(*entry));
        expect(count <= plan_.limits.group_members, "a group over its limit at " + at(*entry));
        if (entry->type != EntryType::conversation_updated)
            expect(now.title == state.title && now.settings == state.settings, "a title that changes by itself at " + at(*entry));
        state = now;
    }
    expect(row.title == state.title && row.settings == state.settings, "the row of " + to_string(row.id) + " is not its last entry's");
    if (row.kind != ConversationKind::group) return;
    unsigned owners = 0, present = 0;
    for (const auto& [user, member] : source.members) {
        present += member.present() ? 1 : 0;
        owners += member.present() && member.role == Role::owner ? 1 : 0;
    }
    expect(owners == (present > 0 ? 1 : 0), std::to_string(owners) + " owners in " + to_string(row.id));
}

}  // namespace madang::sim
