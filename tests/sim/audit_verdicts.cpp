// What plugins have set aside: shadowed entries against the log around them, the review queue against the keys, the log and what was told.
#include <algorithm>

#include "audit.hpp"
#include "check.hpp"
#include "policy.hpp"
#include "store/keys.hpp"

namespace madang::sim {
void Audit::check_shadows() const {
    for (const auto& [id, source] : logs_) {
        Seq wide;
        MessageId last_id;
        std::map<UserId, Seq> run;
        for (const auto& entry : source.entries) {
            if (entry->is_message()) last_id = entry->message.id;
            if (entry->revision) {
                const auto& message = source.at(entry->revision->target);
                expect(static_cast<bool>(message.shadow) == static_cast<bool>(entry->shadow),
                       "a revision that others see than its message at " + at(*entry));
                expect(!entry->shadow || entry->actor == message.actor, "a shadowed message revised by somebody else at " + at(*entry));
            }
            if (!entry->shadow) {
                wide = entry->seq;
                run.clear();
                continue;
            }
            expect(entry->is_message() || entry->revision, "a change of the conversation that is shadowed at " + at(*entry));
            run.erase(entry->actor);
            const Shadow expected{.wide = wide, .others = {run.begin(), run.end()}, .last_id = last_id};
            expect(*entry->shadow == expected, "a shadowed entry that leads elsewhere at " + at(*entry));
            run[entry->actor] = entry->seq;
        }
    }
}

void Audit::check_held() const {
    DigestKey text_key{};
    text_key.fill(7);
    std::size_t waiting = 0, keys = 0;
    std::map<HeldId, HeldMessage> rows;
    auto read = scan_all(disk_, Table::held, [&](std::string_view key, std::string_view value) {
        const HeldId id{id_in(key)};
        const auto row = decode_held(id, value);
        expect(row.has_value(), "a held message that is no record");
        rows[id] = *row;
        const auto name = "held message " + to_string(id);
        const auto bytes = disk_.get(Table::send_key, send_key(row->conversation, row->sender, row->client_id));
        const auto known = bytes && *bytes ? decode_send_key(**bytes) : Result<SendKey>(SendKey{});
        expect(known.has_value(), "the key of a " + name + " is no record");
        expect(slot_of(id) == slot_of(row->conversation), name + " is in another slot than its conversation");
        if (row->state == HeldMessage::State::waiting) {
            ++waiting;
            expect(known->held == id && known->text_digest == row->text_digest && known->reason == row->reason,
                   "the key says something else than the " + name);
            expect(row->text_digest == keyed_digest(text_key, std::string(text_as_sent(row->text))), name + " has another text");
        } else {
            expect(known->held != id && row->text.empty(), "a decided " + name + " keeps its key or text");
        }
        if (row->state != HeldMessage::State::released) return true;
        const auto& source = log(row->conversation);
        expect(row->seq.value <= source.entries.size(), name + " is released, and not in the log");
        const auto& entry = source.at(row->seq);
        expect(entry.is_message() && !entry.shadow && entry.message.sender == row->sender && entry.message.client_id == row->client_id &&
                   known->seq == row->seq,
               name + " is released as another message");
        return true;
    });
    expect(read.has_value(), "a table can't be read");
    read = scan_all(disk_, Table::send_key, [&](std::string_view, std::string_view value) {
        const auto key = decode_send_key(value);
        keys += key && key->held ? 1 : 0;
        return true;
    });
    expect(read && keys == waiting, "the key of a message that does not wait for review");
    for (const auto& [id, fact] : model_.held()) {
        if (!fact.sender) continue;
        expect(rows.contains(id), "a held message is gone: " + fact.client_id);
        const auto state = rows[id].state;
        expect(!fact.refused || state == HeldMessage::State::refused, "an acked refusal is not stored: " + fact.client_id);
        expect(!fact.released || (state == HeldMessage::State::released && rows[id].seq == fact.released->seq),
               "an acked release is not stored: " + fact.client_id);
        expect(state != HeldMessage::State::released || fact.release_asked, "released, and nobody asked for it: " + fact.client_id);
        const auto is_deleted = model_.is_deleted(fact.sender);
        expect(state != HeldMessage::State::refused || fact.refuse_asked || is_deleted,
               "refused, and nobody asked for it: " + fact.client_id);
        expect(state != HeldMessage::State::waiting || !is_deleted, "a message of a deleted user waits for review: " + fact.client_id);
    }
}

}  // namespace madang::sim
