// The rules of groups, from the log: one owner as of every entry, and nobody writes who was muted then.
#include "audit.hpp"
#include "check.hpp"

namespace madang::sim {
namespace {

std::string at(const Entry& entry) { return "(" + to_string(entry.conversation_id) + ", " + to_string(entry.seq) + ")"; }

}  // namespace

void Audit::check_groups() const {
    for (const auto& [id, source] : logs_)
        if (source.row.kind == ConversationKind::group) check_rules(source);
}

void Audit::check_rules(const Log& source) {
    std::map<UserId, Member> members;
    for (const auto& entry : source.entries) {
        if (entry->is_message()) {
            // An entry's time is the engine's, or a later one.
            expect(members[entry->actor].muted_until <= entry->created_at, "a message by one who was muted at " + at(*entry));
            continue;
        }
        const auto& about = entry->change->member;
        if (!about.user.id) continue;
        members[about.user.id] = about;
        unsigned owners = 0;
        for (const auto& [user, member] : members) owners += member.present() && member.role == Role::owner ? 1 : 0;
        expect(owners <= 1, "two owners as of " + at(*entry));
        expect(about.role != Role::owner || about.muted_until == Time{}, "an owner who is muted as of " + at(*entry));
    }
}

}  // namespace madang::sim
