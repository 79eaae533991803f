// The second half of the audit: every single thing that was acked.
#include <algorithm>
#include <set>

#include "audit.hpp"
#include "base/text.hpp"
#include "check.hpp"
#include "policy.hpp"
#include "store/keys.hpp"

namespace madang::sim {
void Audit::check_sends() const {
    std::set<std::string> stored;
    for (const auto& [id, log] : logs_)
        for (const auto& entry : log.entries)
            if (entry->is_message() && !entry->message.deleted) {
                model_.check_policy(*entry);
                stored.emplace(text_as_sent(entry->message.text));
            }
    for (const auto& text : stored) expect(model_.sends().contains(text) || model_.edit_of(text), "a message that nobody sent: " + text);
    for (const auto& [text, fact] : model_.sends()) {
        if (fact.acked) {
            const auto& acked = *fact.acked;
            const auto& source = log(acked.conversation_id);
            expect(acked.seq.value <= source.entries.size() && is_same_message(source.at(acked.seq), acked),
                   "an acked message is not at " + at(acked.conversation_id, acked.seq));
        } else if (fact.refused == fact.asked) {
            expect(!stored.contains(text), "every attempt was refused, and it is stored: " + text);
        }
    }
}

// First attempts on one socket, sends, edits and deletions, are in the log in the order in which they were made.
void Audit::check_sender_order() const {
    std::map<std::pair<SessionId, ConversationId>, std::map<std::uint64_t, Seq>> lanes;
    for (const auto& [text, fact] : model_.sends())
        if (fact.session && fact.asked == 1 && fact.acked)
            lanes[{*fact.session, fact.acked->conversation_id}][fact.order] = fact.acked->seq;
    for (const auto& fact : model_.revisions())
        if (fact.session && fact.changed) lanes[{*fact.session, fact.conversation}][fact.order] = fact.acked->message.revised;
    for (const auto& [lane, entries] : lanes) {
        Seq last;
        for (const auto& [order, seq] : entries) {
            expect(last < seq, "writes of one socket change places at " + at(lane.second, seq));
            last = seq;
        }
    }
}

void Audit::check_members() const {
    for (const auto& [id, member] : model_.members_put()) {
        const auto& source = log(id);
        const auto stays = source.stays.find(member.user.id);
        const auto joined = [&](const Stay& stay) { return stay.joined == member.joined_seq(); };
        expect(stays != source.stays.end() && std::ranges::any_of(stays->second, joined), "an acked invitation is not in the log");
    }
    for (const auto& [id, user] : model_.members_removed()) {
        const auto& source = log(id);
        const auto stays = source.stays.find(user);
        const auto left = [](const Stay& stay) { return static_cast<bool>(stay.left); };
        expect(stays != source.stays.end() && std::ranges::any_of(stays->second, left), "an acked removal is not in the log");
    }
    for (const auto& [id, title] : model_.titles()) {
        const auto& entries = log(id).entries;
        const auto named = [&](const EntryPtr& entry) {
            return entry->type == EntryType::conversation_updated && entry->change->conversation.title == title;
        };
        expect(std::ranges::any_of(entries, named), "an acked title is not in the log: " + title);
    }
}

void Audit::check_accounts() const {
    for (const auto& [username, user] : model_.accounts()) {
        const auto account = disk_.get(Table::account, account_key(user));
        expect(account && *account && decode_account(user, **account).has_value(), "an acked account is not there: " + username);
        const auto name = disk_.get(Table::name, name_key(fold_username(username).value()));
        expect(name && *name && decode_id(**name) == user.value, "a name that leads elsewhere: " + username);
    }
    for (const auto& [device, good] : model_.devices()) {
        if (!good || !model_.is_signed_in({device.first, device.second})) continue;
        const auto row = disk_.get(Table::device, device_key(device.first, device.second));
        expect(row && *row && decode_device(device.second, **row).has_value(), "an acked device is not there");
    }
}

void Audit::check_creations() const {
    std::map<std::pair<UserId, UserId>, ConversationId> pairs;
    std::set<std::string> titles;
    for (const auto& [id, source] : logs_) {
        if (source.row.kind == ConversationKind::group) {
            expect(titles.insert(source.entries.front()->change->conversation.title).second,
                   "one group made twice: " + source.entries.front()->change->conversation.title);
            continue;
        }
        expect(source.stays.size() == 2, "a direct conversation without two people");
        const auto low = source.stays.begin()->first, high = source.stays.rbegin()->first;
        expect(pairs.try_emplace({low, high}, id).second, "two direct conversations of one pair");
        const auto row = disk_.get(Table::pair, pair_key(low, high));
        expect(row && *row && decode_pair(**row).value().direct == id, "a direct conversation that its pair does not know");
    }
    for (const auto& [pair, id] : model_.directs()) expect(pairs[pair] == id, "an acked direct conversation is not there");
    for (const auto& [key, id] : model_.groups()) {
        const auto row = disk_.get(Table::creation_key, creation_key(key.first, key.second));
        expect(row && *row && decode_id(**row) == id.value && logs_.contains(id), "an acked group is not there");
    }
}

// Pages of history leave nothing out between their first and last message.
void Audit::check_pages() const {
    for (const auto& page : model_.pages()) {
        const auto& entries = log(page.conversation).entries;
        std::vector<Seq> expected;
        for (const auto& entry : entries)
            if (entry->is_message() && entry->is_shown_to(page.reader) && entry->seq >= page.messages.front() &&
                entry->seq <= page.messages.back())
                expected.push_back(entry->seq);
        expect(expected == page.messages, "a page of history leaves something out from " + at(page.conversation, page.messages.front()));
    }
}

void Audit::check_journal() const {
    const auto read = scan_all(disk_, Table::journal, [](std::string_view key, std::string_view) -> bool {
        throw Violation("the journal still has " + at(ConversationId{id_in(key)}, Seq{id_in(key, 8)}));
    });
    expect(read.has_value(), "the journal can't be read");
}

}  // namespace madang::sim
