// What is unread, counted from the logs alone, against everything that was ever said of it.
#include "audit.hpp"
#include "chat/loads.hpp"
#include "check.hpp"
#include "store/keys.hpp"

namespace madang::sim {

void Audit::read_preferences() {
    const auto read = scan_all(disk_, Table::preference, [&](std::string_view key, std::string_view value) {
        const auto row = decode_preference(value);
        expect(row.has_value(), "a preference that is no record");
        const UserId user{id_in(key)};
        const ConversationId conversation{id_in(key, 8)};
        const auto& stays = log(conversation).stays.at(user);
        expect(!stays.back().left && row->stay == stays.back().joined,
               "what user " + to_string(user) + " has set for " + to_string(conversation) + " outlasts the stay");
        auto& own = own_[{user, conversation}];
        own.pinned = row->pinned, own.archived = row->archived, own.muted_until = row->muted_until;
        return true;
    });
    expect(read.has_value(), "the preferences can't be read");
}

// As it was when the entry `as_of` was the newest: a message's row shows the present, its revisions say what was before.
OwnView Audit::recount(const Log& source, UserId user, Seq marker, Seq as_of) const {
    OwnView own{.read_seq = marker};
    const auto& stays = source.stays.at(user);
    const Stay* stay = nullptr;
    for (const auto& each : stays)
        if (each.joined <= as_of) stay = &each;
    if (!stay || (stay->left && stay->left <= as_of)) return own;
    const auto from = std::max(next(marker), stay->joined);
    std::map<Seq, bool> named;
    for (const auto& entry : source.entries)
        if (entry->is_message() && entry->seq >= from && entry->seq <= as_of && entry->message.sender != user && !entry->shadow)
            named[entry->seq] = entry->message.mentions.names(user);
    std::map<Seq, bool> revised;
    for (const auto& entry : source.entries) {
        if (!entry->is_revision()) continue;
        const auto& revision = *entry->revision;
        const auto at = named.find(revision.target);
        if (at == named.end()) continue;
        if (!std::exchange(revised[revision.target], true)) at->second = revision.before.names(user);
        if (entry->seq > as_of) continue;
        if (entry->type == EntryType::message_deleted)
            named.erase(at);
        else
            at->second = revision.after.names(user);
    }
    for (const auto& [seq, is_named] : named) ++own.unread, own.unread_mentions += is_named ? 1 : 0;
    return own;
}

void Audit::check_unread() {
    for (const auto& [user, items] : inboxes_)
        if (user != model_.stranger()) check_unread(user, items);
}

void Audit::check_unread(UserId user, const std::vector<InboxItem>& items) {
    struct Progress {
        Seq last, marker;
    };
    std::map<ConversationId, Progress> progress;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto& item = items[i];
        if (!item.conversation_id) continue;
        auto& at = progress[item.conversation_id];
        if (item.type != EntryType::read_updated) {
            at.last = item.seq;
            continue;
        }
        const auto place = " at cursor " + std::to_string(i + 1) + " of user " + to_string(user);
        expect(item.seq > at.marker, "a marker that does not rise" + place);
        at.marker = item.seq;
        const auto& source = log(item.conversation_id);
        expect(item.seq.value <= source.entries.size(), "a marker beyond the log" + place);
        const auto right = recount(source, user, at.marker, at.last);
        expect(item.note->unread == right.unread && item.note->unread_mentions == right.unread_mentions,
               "a read says that " + std::to_string(item.note->unread) + " are unread, of " + std::to_string(right.unread) + place);
    }
    for (const auto& [id, at] : progress) {
        const auto right = recount(log(id), user, at.marker, at.last);
        auto& own = own_[{user, id}];
        own.read_seq = right.read_seq, own.unread = right.unread, own.unread_mentions = right.unread_mentions;
    }
    const auto loaded = load(disk_, plan_.limits, 0, 1, LoadUser{user});
    const auto& state = std::get<LoadedUser>(loaded).state;
    expect(state && *state, "user " + to_string(user) + " can't be loaded");
    for (const auto& row : (*state)->conversations) {
        const auto& own = own_[{user, row.conversation_id}];
        expect(row.read_seq == own.read_seq && row.unread == own.unread && row.unread_mentions == own.unread_mentions,
               "user " + to_string(user) + " is loaded with " + std::to_string(row.unread) + " unread in " +
                   to_string(row.conversation_id) + ", of " + std::to_string(own.unread));
    }
}

}  // namespace madang::sim
