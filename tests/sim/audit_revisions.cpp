// Edits, deletions and mentions: what the log says of them against the messages' rows, the inboxes and the table of mentions.
#include <algorithm>

#include "audit.hpp"
#include "check.hpp"
#include "store/keys.hpp"

namespace madang::sim {
void Audit::check_revisions() const {
    for (const auto& [id, source] : logs_) check_revisions(source);
}

void Audit::check_revisions(const Log& source) const {
    std::map<Seq, const Entry*> newest;  // by message
    auto history = source.row.settings.history;
    for (const auto& entry : source.entries) {
        if (entry->change) history = entry->change->conversation.settings.history;
        if (!entry->revision) continue;
        const auto& revision = *entry->revision;
        expect(revision.target < entry->seq && source.at(revision.target).is_message(), "a revision of no message at " + at(*entry));
        expect(revision.sender == source.at(revision.target).message.sender, "a revision that names another sender at " + at(*entry));
        const auto& roles = source.roles.at(entry->actor);
        const auto role = std::prev(roles.upper_bound(entry->seq))->second;
        const auto moderates =
            source.row.kind == ConversationKind::group && role >= Role::admin && entry->type == EntryType::message_deleted;
        expect(entry->actor == revision.sender || moderates, "a revision by one who may not at " + at(*entry));
        bool for_all = true;
        for (const auto& [user, stays] : source.stays) {
            const Member member{.user = {}, .stays = stays};
            const auto* stay = member.stay_at(entry->seq);
            const auto reads = !stay || history == HistoryAccess::all || stay->joined <= revision.target;
            for_all = for_all && reads;
            expect(user != entry->actor || reads, "a revision by one who may not read the message at " + at(*entry));
        }
        expect(for_all == revision.for_all, "a revision for the wrong members at " + at(*entry));
        auto& before = newest[revision.target];
        expect(!before || before->type == EntryType::message_edited, "a revision of what is deleted at " + at(*entry));
        expect(!before || before->revision->after == revision.before, "a revision that forgets mentions at " + at(*entry));
        expect(entry->type == EntryType::message_edited || revision.after == Mentions{},
               "a deletion that mentions somebody at " + at(*entry));
        before = entry.get();
    }
    for (const auto& entry : source.entries) {
        if (!entry->is_message()) continue;
        const auto& message = entry->message;
        const auto found = newest.find(entry->seq);
        const auto* last = found == newest.end() ? nullptr : found->second;
        expect(message.revised == (last ? last->seq : Seq{}), "the row of a message is not that of its last revision at " + at(*entry));
        expect(message.deleted == (last && last->type == EntryType::message_deleted), "deleted or not: the row disagrees at " + at(*entry));
        if (!last) continue;
        expect(message.mentions == last->revision->after, "the row has other mentions at " + at(*entry));
        if (message.deleted) {
            expect(message.text.empty(), "the text of a deleted message is there at " + at(*entry));
            continue;
        }
        const auto* edit = model_.edit_of(message.text);
        expect(edit && edit->target == entry->seq && edit->actor.user == last->actor, "a text that nobody asked for at " + at(*entry));
        expect(!edit->refused, "an edit that was refused is stored at " + at(*entry));
    }
}

void Audit::check_acked_revisions() const {
    for (const auto& fact : model_.revisions()) {
        if (!fact.acked) continue;
        const auto& source = log(fact.conversation);
        const auto& row = source.at(fact.target);
        const auto revised = fact.acked->message.revised;
        expect(row.message.revised >= revised, "an acked revision is gone at " + at(row));
        expect(row.message.revised != revised || row == *fact.acked, "an acked revision is another one now at " + at(row));
        if (!fact.changed) continue;
        const auto& entry = source.at(revised);
        expect(entry.is_revision() && entry.revision->target == fact.target && entry.actor == fact.actor.user,
               "an acked revision is not in the log at " + at(row));
    }
}

// Nothing that a deleted message ever said is anywhere in the store.
void Audit::check_deleted_texts() const {
    std::vector<std::string> gone;
    for (const auto& [id, source] : logs_)
        for (const auto& entry : source.entries)
            if (entry->message.deleted)
                for (const auto& text : model_.texts_of(entry->message.sender, entry->message.client_id))
                    if (const auto& fact = model_.sends().at(text);
                        fact.acked && fact.acked->seq == entry->seq && fact.acked->conversation_id == id)
                        gone.push_back(text);
    for (const auto& fact : model_.revisions())
        if (fact.text && fact.changed && log(fact.conversation).at(fact.target).message.deleted) gone.push_back(*fact.text);
    for (std::size_t table = 0; table < kTables; ++table) {
        const auto read = scan_all(disk_, static_cast<Table>(table), [&](std::string_view, std::string_view value) {
            if (value.find(" says ") == std::string_view::npos) return true;
            for (const auto& text : gone)
                expect(value.find(text) == std::string_view::npos, "the text of a deleted message is still stored: " + text);
            return true;
        });
        expect(read.has_value(), "a table can't be read");
    }
}

std::map<Seq, Mentions> Audit::first_mentions(const Log& source) {
    std::map<Seq, Mentions> first;
    for (const auto& entry : source.entries)
        if (entry->revision) first.try_emplace(entry->revision->target, entry->revision->before);
    for (const auto& entry : source.entries)
        if (entry->is_message()) first.try_emplace(entry->seq, entry->message.mentions);
    return first;
}

void Audit::check_mentions() const {
    std::map<ConversationId, std::map<Seq, Mentions>> first;
    for (const auto& [id, source] : logs_) first[id] = first_mentions(source);
    std::map<std::pair<UserId, MessageId>, Mention> expected;
    for (const auto& [user, items] : inboxes_) {
        for (const auto& item : items) {
            if (item.note) continue;
            const auto& source = log(item.conversation_id);
            const auto& entry = source.at(item.seq);
            if (!entry.is_message() && !entry.revision) continue;
            const auto target = entry.shown_seq();
            const auto& message = source.at(target).message;
            const auto own = message.sender == user;
            const auto now = !own && (entry.revision ? entry.revision->after : first[item.conversation_id][target]).names(user);
            const auto before = !own && entry.revision && entry.revision->before.names(user);
            expect(item.own == own && item.mentioned == now && item.was_mentioned == before &&
                       item.target == (entry.revision ? target : Seq{}),
                   "an inbox item of user " + to_string(user) + " that says other things than " + at(entry));
            if (now)
                expected[{user, message.id}] = {item.conversation_id, target};
            else
                expected.erase({user, message.id});
        }
    }
    std::size_t rows = 0;
    const auto read = scan_all(disk_, Table::mention, [&](std::string_view key, std::string_view value) {
        ++rows;
        const auto found = expected.find({UserId{id_in(key)}, MessageId{id_in(key, 8)}});
        const auto mention = decode_mention(value);
        expect(found != expected.end() && mention && *mention == found->second, "a mention that the log does not know");
        return true;
    });
    expect(read && rows == expected.size(), "a mention is missing");
}

}  // namespace madang::sim
