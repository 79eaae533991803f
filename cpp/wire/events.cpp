#include "wire/events.hpp"

#include "base/result.hpp"
#include "wire/json_writer.hpp"
#include "wire/objects.hpp"
#include "wire/words.hpp"

namespace madang::wire {
namespace {

constexpr std::string_view kMessageKey = R"(,"message":)";

std::string_view type_of(const Entry& entry, bool is_own_leaving) {
    switch (entry.type) {
        case EntryType::message_created: return "message.created";
        case EntryType::message_edited: return "message.edited";
        case EntryType::message_deleted: return "message.deleted";
        case EntryType::conversation_created: return "conversation.created";
        case EntryType::conversation_updated: return "conversation.updated";
        case EntryType::member_joined: return "member.joined";
        case EntryType::member_left: return is_own_leaving ? "conversation.left" : "member.left";
        case EntryType::member_updated: return "member.updated";
        case EntryType::read_updated: return "read.updated";
        case EntryType::friend_updated: return "friend.updated";
    }
    MADANG_ASSERT(false);
    return {};
}

const Profile* peer_of(const Change& change, UserId viewer) {
    for (const auto& user : change.pair)
        if (user.id != viewer) return &user;
    return nullptr;
}

void append_conversation_member(std::string& out, const Entry& entry, const Viewer& viewer) {
    out += R"(,"conversation":)";
    const auto& change = *entry.change;
    // As of this entry nothing is read and nothing unread in a conversation that is new to the viewer; of any other this entry doesn't
    // know.
    static constexpr OwnView kNothing;
    const bool is_new =
        entry.type == EntryType::conversation_created || (entry.type == EntryType::member_joined && change.member.stays.size() == 1);
    append_conversation(out, {.conversation = change.conversation,
                              .head_seq = entry.seq,
                              .my_role = viewer.role,
                              .last_message = nullptr,
                              .peer = peer_of(change, viewer.user),
                              .own = is_new ? &kNothing : nullptr});
}

std::string encode_note_body(const Entry& entry) {
    const auto& note = *entry.note;
    std::string out = R"("type":")";
    out += type_of(entry, false);
    if (entry.type == EntryType::friend_updated) {
        out += R"(","user":)";
        append_user(out, note.user);
        out.append(R"(,"state":")").append(word(note.state)).append("\"}");
        return out;
    }
    out += R"(","conversation_id":)";
    append_id(out, entry.conversation_id);
    out += ',';
    append_read_state(out, entry.seq, note.unread, note.unread_mentions);
    out += '}';
    return out;
}

}  // namespace

std::string encode_event_body(const Entry& entry, const Viewer& viewer) {
    if (entry.is_note()) return encode_note_body(entry);
    const auto* message = entry.is_message() ? &entry : entry.is_revision() ? entry.revision->message.get() : nullptr;
    const bool is_of_member =
        entry.type == EntryType::member_joined || entry.type == EntryType::member_left || entry.type == EntryType::member_updated;
    const bool is_of_viewer = is_of_member && entry.change->member.user.id == viewer.user;
    const bool is_own_leaving = is_of_viewer && entry.type == EntryType::member_left;
    // First members learn of the conversation by the entry that created it; who joins later has only this.
    const bool is_own_joining = is_of_viewer && entry.type == EntryType::member_joined && entry.change->member.joined_seq().value > 1;

    std::string out;
    if (message) out.reserve(message->message.text.size() + 320);
    out += R"("type":")";
    out += type_of(entry, is_own_leaving);
    out += R"(","conversation_id":)";
    append_id(out, entry.conversation_id);
    out += R"(,"seq":)";
    append_number(out, entry.seq.value);
    if (message) {
        out += kMessageKey;
        append_message(out, *message);
    } else if (is_of_member && !is_own_leaving) {
        out += R"(,"member":)";
        append_member(out, entry.change->member, entry.created_at);  // as of the entry, whenever it is read
    }
    if (!message && (!is_of_member || is_own_leaving || is_own_joining)) append_conversation_member(out, entry, viewer);
    out += '}';
    return out;
}

std::string_view message_in(std::string_view event_body) {
    const auto at = event_body.find(kMessageKey);
    MADANG_ASSERT(at != std::string_view::npos);
    const auto from = at + kMessageKey.size();
    return event_body.substr(from, event_body.size() - from - 1);
}

void append_event(std::string& out, Cursor cursor, std::string_view body) {
    out += R"({"cursor":)";
    append_number(out, cursor.value);
    out += ',';
    out += body;
}

void append_event(std::string& out, const Event& event, UserId viewer) {
    append_event(out, event.cursor, encode_event_body(*event.entry, {viewer, event.role}));
}

void append_sync_page(std::string& out, std::span<const Event> events, Cursor cursor, bool more, UserId viewer) {
    out += R"({"events":[)";
    bool is_first = true;
    for (const auto& event : events) {
        if (!is_first) out += ',';
        is_first = false;
        append_event(out, event, viewer);
    }
    out += R"(],"cursor":)";
    append_number(out, cursor.value);
    out += R"(,"more":)";
    append_bool(out, more);
    out += '}';
}

}  // namespace madang::wire
