// What people read at rest, against what is stored.
#include <algorithm>

#include "audit.hpp"
#include "check.hpp"
#include "store/keys.hpp"

namespace madang::sim {

Seq Audit::readable_from(const Log& log, UserId user) const {
    const bool all = log.row.settings.history == HistoryAccess::all;
    return all ? Seq{1} : log.stays.at(user).back().joined;
}

void Audit::check_walk(const Walk& walk) const {
    const auto user = walk.user();
    const auto who = " of user " + to_string(user);
    // The list: pinned ones, then newest activity first; a direct one from its first message, or for its maker.
    std::map<std::pair<bool, Cursor>, ConversationId, std::greater<>> expected;
    std::uint64_t unread_total = 0;
    for (const auto& [id, source] : logs_) {
        const auto stays = source.stays.find(user);
        if (stays == source.stays.end() || stays->second.back().left) continue;
        const auto is_message = [&](const EntryPtr& entry) { return entry->is_message() && entry->is_shown_to(user); };
        const bool listed =
            source.row.kind == ConversationKind::group || source.row.creator == user || std::ranges::any_of(source.entries, is_message);
        Cursor last;
        const auto& items = inboxes_[user];
        for (std::size_t i = 0; i < items.size(); ++i)
            if (items[i].conversation_id == id && !items[i].note && items[i].type != EntryType::message_edited &&
                items[i].type != EntryType::message_deleted)
                last = Cursor{i + 1};
        const auto own = own_.find({user, id});
        if (!listed || own == own_.end()) continue;
        expected[{own->second.pinned, last}] = id;
        if (!own->second.archived) unread_total += own->second.unread;
    }
    std::vector<ConversationId> wanted, got;
    for (const auto& [cursor, id] : expected) wanted.push_back(id);
    for (const auto& view : walk.list()) got.push_back(view.conversation.id);
    const auto lines = [](const std::vector<ConversationId>& ids) {
        std::string text;
        for (const auto id : ids) text += " " + to_string(id);
        return text;
    };
    if (wanted != got) throw Violation("the list of conversations" + who + " is" + lines(got) + " instead of" + lines(wanted));
    expect(walk.unread_total() == unread_total,
           "unread_total" + who + " is " + std::to_string(walk.unread_total()) + " instead of " + std::to_string(unread_total));
    for (const auto& view : walk.list()) check_view(view, user);
    // Newest first; only where the user is and may read, and only what names the user still.
    std::map<MessageId, EntryPtr, std::greater<>> mentions;
    const auto read = scan_all(disk_, Table::mention, [&](std::string_view key, std::string_view value) {
        if (UserId{id_in(key)} != user) return true;
        const auto mention = decode_mention(value).value();
        const auto& source = log(mention.conversation_id);
        if (source.stays.at(user).back().left || mention.seq < readable_from(source, user)) return true;
        const auto& entry = source.entries[mention.seq.value - 1];
        if (entry->message.mentions.names(user)) mentions[entry->message.id] = entry;
        return true;
    });
    expect(read.has_value(), "a table can't be read");
    const auto same = [](const EntryPtr& a, const auto& b) { return *a == *b.second; };
    expect(std::ranges::equal(walk.mentions(), mentions, same), "the list of mentions" + who + " is wrong");
    for (const auto& [id, place] : walk.places()) {
        const auto& source = log(id);
        check_view(place.view, user);
        expect(members_of(source, user) == place.members, "the members of " + to_string(id) + who + " are wrong");
        std::vector<Seq> history;
        for (const auto& entry : source.entries)
            if (entry->is_message() && entry->is_shown_to(user) && entry->seq >= readable_from(source, user)) history.push_back(entry->seq);
        expect(history == place.history, "the history of " + to_string(id) + who + " is wrong");
    }
}

void Audit::check_view(const ConversationView& view, UserId user) const {
    const auto& source = log(view.conversation.id);
    const auto place = "the view of " + to_string(view.conversation.id) + " for user " + to_string(user);
    expect(view.conversation == source.row, place + " has other data");
    Seq head;
    for (const auto& entry : source.entries)
        if (entry->is_shown_to(user)) head = entry->seq;
    expect(view.head_seq == head, place + " has another head");
    expect(view.my_role == source.members.at(user).role, place + " has another role");
    auto own = own_.at({user, view.conversation.id});
    if (view.own && view.own->muted_until == Time{}) own.muted_until = {};  // over by now
    expect(view.own == own, place + " has " + std::to_string(view.own ? view.own->unread : 0) + " unread instead of " +
                                std::to_string(own.unread) + ", or another own part");
    EntryPtr last;
    for (const auto& entry : source.entries)
        if (entry->is_message() && entry->is_shown_to(user) && entry->seq >= readable_from(source, user)) last = entry;
    const bool same = (!last && !view.last_message) || (last && view.last_message && *last == *view.last_message);
    expect(same, place + " has another last message");
    const bool direct = source.row.kind == ConversationKind::direct;
    expect(direct == view.peer.has_value() && (!direct || (view.peer->id != user && *view.peer == account_of(view.peer->id))),
           place + " has a wrong peer");
}

}  // namespace madang::sim
