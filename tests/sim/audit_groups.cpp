// The rules of groups: one owner as of every entry, nobody writes who was muted then, nobody is in who is banned, no link has more uses
// than it allows.
#include "audit.hpp"
#include "chat/admission.hpp"
#include "check.hpp"
#include "store/keys.hpp"

namespace madang::sim {
void Audit::check_groups() const {
    for (const auto& [id, source] : logs_)
        if (source.row.kind == ConversationKind::group) check_rules(source);
}

void Audit::check_rules(const Log& source) {
    std::map<UserId, Member> members;
    for (const auto& entry : source.entries) {
        // An entry's time is the engine's, or a later one.
        if (entry->is_message() || entry->type == EntryType::message_edited)
            expect(members[entry->actor].muted_until <= entry->created_at, "one who was muted writes at " + at(*entry));
        if (!entry->change) continue;
        const auto& about = entry->change->member;
        if (!about.user.id) continue;
        members[about.user.id] = about;
        unsigned owners = 0;
        for (const auto& [user, member] : members) owners += member.present() && member.role == Role::owner ? 1 : 0;
        expect(owners <= 1, "two owners as of " + at(*entry));
        expect(about.role != Role::owner || about.muted_until == Time{}, "an owner who is muted as of " + at(*entry));
    }
}

void Audit::check_bans() const {
    const auto read = scan_all(disk_, Table::ban, [&](std::string_view key, std::string_view value) {
        const ConversationId id{id_in(key)};
        const UserId user{id_in(key, 8)};
        expect(decode_ban(user, value).has_value(), "a ban that is no record");
        expect(log(id).row.kind == ConversationKind::group, "a ban in a conversation that is no group");
        const auto member = log(id).members.find(user);
        expect(member == log(id).members.end() || !member->second.present(), "a banned user is in " + to_string(id));
        return true;
    });
    expect(read.has_value(), "the bans can't be read");
    for (const auto& [id, user, head] : model_.bans()) {
        if (model_.was_unbanning_asked(user, id)) continue;
        const auto row = disk_.get(Table::ban, ban_key(id, user));
        expect(row && *row, "an acked ban is not there");
        if (const auto stays = log(id).stays.find(user); stays != log(id).stays.end())
            for (const auto& stay : stays->second) expect(stay.joined <= head, "one who was banned has joined " + to_string(id));
    }
}

void Audit::check_links() const {
    std::map<ConversationId, std::size_t> rows;
    const auto read = scan_all(disk_, Table::invite, [&](std::string_view key, std::string_view value) {
        const ConversationId id{id_in(key)};
        const auto invite = decode_invite(secret_in(key), value);
        expect(invite.has_value(), "an invite that is no record");
        expect(log(id).row.kind == ConversationKind::group, "an invite into a conversation that is no group");
        expect(++rows[id] <= Admission::kInvitesMax, "more invites than a group may have");
        expect(log(id).row.members_count > 0, "an invite into a group that nobody is in");
        expect(invite->max_uses == 0 || invite->uses < invite->max_uses, "an invite that is used up is still there");
        const auto made = model_.links().find(invite->secret);
        expect(made != model_.links().end() && made->second.made.max_uses == invite->max_uses, "an invite that nobody made");
        expect(invite->uses >= made->second.joins, "an invite that has forgotten a use");
        return true;
    });
    expect(read.has_value(), "the invites can't be read");
    for (const auto& [secret, link] : model_.links()) {
        const auto lasts = link.acked && !link.revoking_asked && !link.made.expires_in && link.made.max_uses == 0;
        const auto stays_for_ever = lasts && log(link.made.conversation).row.members_count > 0;
        const auto row = disk_.get(Table::invite, invite_key(link.made.conversation, secret));
        expect(!stays_for_ever || (row && *row), "an acked invite is not there");
    }
    for (const auto& [id, user] : model_.joined_by_link())
        expect(log(id).stays.contains(user), "one who was told to have joined is not in the log of " + to_string(id));
}

}  // namespace madang::sim
