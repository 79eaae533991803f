#include "audit.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "check.hpp"
#include "policy.hpp"
#include "store/keys.hpp"

namespace madang::sim {
namespace {

// Reads a table whose rows must all be sound.
template <typename Decode>
void each_row(const Disk& disk, Table table, Decode&& decode) {
    const auto read = scan_all(disk, table, [&](std::string_view key, std::string_view value) {
        decode(key, value);
        return true;
    });
    expect(read.has_value(), "a table can't be read");
}

template <typename T>
T sound(Result<T> record) {
    expect(record.has_value(), "a row that is no record");
    return std::move(*record);
}

}  // namespace

Cursor stored_tail(const Store& store, UserId user) {
    Cursor tail;
    (void)store.scan(Table::inbox, inbox_key(user, Cursor{}), inbox_key(UserId{user.value + 1}, Cursor{}), Order::descending,
                     [&](std::string_view key, std::string_view) {
                         tail = Cursor{id_in(key, 8)};
                         return false;
                     });
    return tail;
}

void Audit::run() {
    read_logs();
    read_members();
    check_logs();
    check_changes();
    check_revisions();
    check_acked_revisions();
    check_deleted_texts();
    check_groups();
    check_bans();
    check_links();
    check_shadows();
    check_keys();
    check_departures();
    check_held();
    check_inboxes();
    check_mentions();
    check_checkpoints();
    read_preferences();
    check_unread();
    check_receipts();
    check_shown();
    check_sends();
    check_sender_order();
    check_members();
    check_accounts();
    check_creations();
    check_pages();
    check_journal();
    check_relations();
    check_commit_index();
    check_pushes();
}

// ---- logs -------------------------------------------------------------------------------------------------------------------------------

void Audit::read_logs() {
    each_row(disk_, Table::conversation, [&](std::string_view key, std::string_view value) {
        const ConversationId id{id_in(key)};
        logs_[id].row = sound(decode_conversation(id, value));
    });
    each_row(disk_, Table::message, [&](std::string_view key, std::string_view value) {
        const ConversationId id{id_in(key)};
        const Seq seq{id_in(key, 8)};
        expect(logs_.contains(id), "an entry without its conversation " + at(id, seq));
        auto& entries = logs_[id].entries;
        expect(seq.value == entries.size() + 1, "a hole in a log before " + at(id, seq));
        entries.push_back(sound(decode_entry(id, seq, value)));
    });
}

const Audit::Log& Audit::log(ConversationId conversation) const {
    const auto found = logs_.find(conversation);
    expect(found != logs_.end(), "a conversation that was promised is not there: " + to_string(conversation));
    return found->second;
}

void Audit::replay_members(Log& log) {
    bool in_creation = true;
    for (const auto& entry : log.entries) {
        in_creation = in_creation && (entry->type == EntryType::conversation_created || entry->type == EntryType::member_joined) &&
                      (!entry->change->member.user.id || entry->change->member.joined_seq() == Seq{1});
        if (!entry->change) continue;
        const auto user = entry->change->member.user.id;
        auto& stays = log.stays[user];
        if (entry->type == EntryType::member_joined || entry->type == EntryType::member_updated)
            log.roles[user][in_creation ? Seq{1} : entry->seq] = entry->change->member.role;
        if (entry->type == EntryType::member_joined) {
            expect(stays.empty() || stays.back().left, "a member joins twice at " + at(entry->conversation_id, entry->seq));
            stays.push_back({in_creation ? Seq{1} : entry->seq, Seq{}});
        } else if (entry->type == EntryType::member_left) {
            expect(!stays.empty() && !stays.back().left, "one who is no member leaves at " + at(entry->conversation_id, entry->seq));
            stays.back().left = entry->seq;
        }
    }
    log.stays.erase(UserId{});
}

void Audit::read_members() {
    for (auto& [id, log] : logs_) replay_members(log);
    each_row(disk_, Table::member, [&](std::string_view key, std::string_view value) {
        const ConversationId id{id_in(key)};
        const UserId user{id_in(key, 8)};
        expect(logs_.contains(id), "a member of no conversation");
        logs_[id].members[user] = sound(decode_member(user, value));
    });
    for (const auto& [id, log] : logs_) {
        std::uint32_t present = 0;
        expect(log.members.size() == log.stays.size(), "member rows and entries disagree in " + to_string(id));
        for (const auto& [user, member] : log.members) {
            const auto stays = log.stays.find(user);
            expect(stays != log.stays.end() && stays->second == member.stays,
                   "the row of member " + to_string(user) + " disagrees with the log of " + to_string(id));
            present += member.present() ? 1 : 0;
        }
        expect(log.row.members_count == present, "members_count is wrong in " + to_string(id));
        expect(log.row.kind == ConversationKind::direct || present <= plan_.limits.group_members,
               "a group over its limit: " + to_string(id));
    }
}

void Audit::check_logs() const {
    std::set<MessageId> ids;
    std::set<std::string> texts;
    for (const auto& [id, log] : logs_) {
        expect(!log.entries.empty() && log.entries.front()->type == EntryType::conversation_created,
               "a log without a beginning " + to_string(id));
        MessageId last;
        for (const auto& entry : log.entries) {
            const auto place = at(id, entry->seq);
            const auto shown = model_.entries().find({id, entry->seq});
            const auto same = shown == model_.entries().end() || (entry->is_message() ? is_same_message(*shown->second, *entry)
                                                                                      : model_.is_same_entry(*shown->second, *entry));
            expect(same, "what is stored is not what was shown at " + place);
            const auto stays = log.stays.find(entry->actor);
            // An owner who leaves names the heir in the same act.
            const auto as_of = entry->type == EntryType::member_updated ? Seq{entry->seq.value - 1} : entry->seq;
            const auto was_member = stays != log.stays.end() && Member{.user = {}, .stays = stays->second}.addressed(as_of);
            expect(was_member, "an entry by one who is no member at " + place);
            if (!entry->is_message()) continue;
            expect(ids.insert(entry->message.id).second, "a message id twice at " + place);
            expect(entry->message.id > last, "message ids do not rise at " + place);
            expect(entry->message.deleted || texts.emplace(text_as_sent(entry->message.text)).second, "a message stored twice: " + place);
            last = entry->message.id;
        }
    }
    for (const auto& [position, entry] : model_.entries())
        expect(position.second.value <= log(position.first).entries.size(),
               "shown, and not in the log: " + at(position.first, position.second));
}

void Audit::check_keys() const {
    std::size_t keys = 0, messages = 0;
    DigestKey text_key{};
    text_key.fill(7);
    std::string place;
    for (const auto& [id, log] : logs_) {
        for (const auto& entry : log.entries) {
            if (!entry->is_message()) continue;
            ++messages;
            const auto row = disk_.get(Table::send_key, send_key(id, entry->message.sender, entry->message.client_id));
            expect(row && *row, "a message without its key at " + at(id, entry->seq));
            const auto key = sound(decode_send_key(**row));
            expect(key.seq == entry->seq, "a key that names another message than " + at(id, entry->seq));
            const auto is_it = [&](const std::string& text) { return key.text_digest == keyed_digest(text_key, text); };
            const auto& texts = model_.texts_of(entry->message.sender, entry->message.client_id);
            expect(entry->message.revised ? std::ranges::any_of(texts, is_it) : is_it(std::string(text_as_sent(entry->message.text))),
                   "a key with another text at " + at(id, entry->seq));
        }
    }
    each_row(disk_, Table::send_key, [&](std::string_view, std::string_view value) { keys += sound(decode_send_key(value)).seq ? 1 : 0; });
    expect(keys == messages, "a key without its message");
}

// ---- inboxes ----------------------------------------------------------------------------------------------------------------------------

void Audit::check_inboxes() const {
    each_row(disk_, Table::inbox, [&](std::string_view key, std::string_view value) {
        const UserId user{id_in(key)};
        const Cursor cursor{id_in(key, 8)};
        auto& items = inboxes_[user];
        expect(cursor.value == items.size() + 1, "a hole before cursor " + to_string(cursor) + " of user " + to_string(user));
        items.push_back(sound(decode_inbox_item(value)));
    });
    for (const auto& [id, log] : logs_)
        for (const auto& [user, stays] : log.stays)
            if (!model_.is_deleted(user)) inboxes_[user];
    for (const auto& [user, items] : inboxes_) check_inbox(user, items);
}

void Audit::check_inbox(UserId user, const std::vector<InboxItem>& items) const {
    expect(items.empty() || user != model_.stranger(), "the stranger's inbox is not empty");
    std::map<ConversationId, std::vector<Seq>> taken;
    for (const auto& item : items) {
        if (item.note) continue;
        const auto& source = log(item.conversation_id);
        expect(item.seq.value <= source.entries.size(), "an inbox item without its entry");
        expect(!source.at(item.seq).shadow || source.at(item.seq).actor == user,
               "a shadowed entry in the inbox of user " + to_string(user));
        expect(source.at(item.seq).type == item.type, "an inbox item of another type than its entry");
        const auto& roles = source.roles.at(user);
        const auto role = std::prev(roles.upper_bound(item.seq));
        expect(role->second == item.role,
               "an inbox item of user " + to_string(user) + " with another role than at " + at(item.conversation_id, item.seq));
        taken[item.conversation_id].push_back(item.seq);
    }
    for (const auto& [id, log] : logs_) {
        std::vector<Seq> addressed;
        if (const auto stays = log.stays.find(user); stays != log.stays.end()) {
            const Member member{.user = {.id = user}, .stays = stays->second};
            for (const auto& entry : log.entries)
                if (is_addressed(member, *entry)) addressed.push_back(entry->seq);
        }
        const auto& got = taken[id];
        if (got == addressed) continue;
        const auto [g, a] = std::ranges::mismatch(got, addressed);
        throw Violation("the inbox of user " + to_string(user) + " is not what conversation " + to_string(id) +
                        " addressed: expected seq " + (a == addressed.end() ? "none" : to_string(*a)) + ", found " +
                        (g == got.end() ? "none" : to_string(*g)));
    }
}

void Audit::check_checkpoints() const {
    std::map<UserId, Cursor> as_of;
    const auto no_conversation = std::uint64_t{0};
    each_row(disk_, Table::user_conversation, [&](std::string_view key, std::string_view value) {
        const UserId user{id_in(key)};
        if (id_in(key, 8) == no_conversation) return void(as_of[user] = Cursor{sound(decode_id(value))});
        const auto row = sound(decode_user_conversation(ConversationId{id_in(key, 8)}, value));
        const auto& items = inboxes_[user];
        Seq last;
        for (std::size_t i = 0; i < items.size() && Cursor{i + 1} <= as_of[user]; ++i)
            if (items[i].conversation_id == row.conversation_id && !items[i].note) last = items[i].seq;
        expect(last == row.last_seq, "a checkpoint that disagrees with the inbox of user " + to_string(user));
    });
    for (const auto& [user, cursor] : as_of) expect(cursor.value <= inboxes_[user].size(), "a checkpoint beyond the inbox");
}

void Audit::check_shown() const {
    for (const auto& [key, shown] : model_.shown_items()) {
        const auto& [user, cursor] = key;
        if (model_.is_deleted(user)) continue;
        const auto& items = inboxes_[user];
        expect(cursor.value <= items.size(), "shown, and not in the inbox: cursor " + to_string(cursor) + " of user " + to_string(user));
        const auto& item = items[cursor.value - 1];
        expect(shown.position == std::pair{item.conversation_id, item.seq} && shown.role == item.role,
               "the inbox has something else than was shown at cursor " + to_string(cursor) + " of user " + to_string(user));
    }
}

}  // namespace madang::sim
