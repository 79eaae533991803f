#include "wire/client_frame.hpp"

#include <algorithm>
#include <array>

#include "wire/json_object.hpp"
#include "wire/json_writer.hpp"
#include "wire/member_checks.hpp"

namespace madang::wire {
namespace {

using Kind = JsonMember::Kind;

enum Name { kOp, kRef, kCursor, kConversation, kUser, kClientId, kText, kSeq, kUsers, kNames };
using Members = std::array<JsonMember, kNames>;

ClientOp refused(Error error, bool only_with_ref = false) { return RefusedOp{std::move(error), only_with_ref}; }

ClientOp attach(Members& members) {
    if (!is_given(members[kCursor])) return AttachOp{};
    const auto cursor = whole_number(members[kCursor]);
    if (!cursor) return refused(cursor.error());
    return AttachOp{Cursor{*cursor}};
}

ClientOp ack(Members& members) {
    const auto cursor = whole_number(members[kCursor]);
    if (!cursor) return refused(cursor.error(), true);
    return AckOp{Cursor{*cursor}};
}

ClientOp watch(Members& members) {
    const auto& users = members[kUsers];
    constexpr std::string_view kShape = "an array of at most 1,000 ids: strings of decimal digits";
    std::vector<std::string> texts;
    if (!users.is(Kind::array) || !read_strings(users.text, kWatchUsersMax, texts))
        return refused(wrong_member(users, kShape).error(), true);
    WatchOp op;
    for (const auto& text : texts) {
        const auto id = parse_id<UserId>(text);
        if (!id) return refused(wrong_member(users, kShape).error(), true);
        op.users.push_back(*id);
    }
    return op;
}

ClientOp typing(Members& members) {
    const auto conversation = id_member<ConversationId>(members[kConversation]);
    if (!conversation) return refused(conversation.error(), true);
    return TypingOp{*conversation};
}

ClientOp send(Members& members) {
    SendOp op;
    const bool to_user = is_given(members[kUser]);
    if (to_user == is_given(members[kConversation])) return refused(Error{Code::bad_request, "give either `conversation_id` or `user_id`"});
    if (to_user) {
        const auto peer = id_member<UserId>(members[kUser]);
        if (!peer) return refused(peer.error());
        op.peer = *peer;
    } else {
        const auto conversation = id_member<ConversationId>(members[kConversation]);
        if (!conversation) return refused(conversation.error());
        op.conversation = *conversation;
    }
    auto client_id = client_id_member(members[kClientId]);
    if (!client_id) return refused(client_id.error());
    auto text = string_member(members[kText]);
    if (!text) return refused(text.error());
    op.client_id = *std::move(client_id);
    op.text = *std::move(text);
    return op;
}

// An existing message, as edit and delete name it.
template <typename Op>
Result<Op> with_message(Members& members) {
    const auto conversation = id_member<ConversationId>(members[kConversation]);
    if (!conversation) return std::unexpected(conversation.error());
    const auto seq = whole_number(members[kSeq]);
    if (!seq) return std::unexpected(seq.error());
    Op op;
    op.conversation = *conversation;
    op.seq = Seq{*seq};
    return op;
}

ClientOp edit(Members& members) {
    auto op = with_message<EditOp>(members);
    if (!op) return refused(op.error());
    auto text = string_member(members[kText]);
    if (!text) return refused(text.error());
    op->text = *std::move(text);
    return *std::move(op);
}

ClientOp remove(Members& members) {
    const auto op = with_message<DeleteOp>(members);
    return op ? ClientOp{*op} : refused(op.error());
}

ClientOp read(Members& members) {
    const auto op = with_message<ReadOp>(members);
    return op ? ClientOp{*op} : refused(op.error());
}

// Operations of the protocol that this server does not offer yet: refused, but no bad frame.
constexpr std::array<std::string_view, 2> kNotOffered{"join", "leave"};

std::optional<ClientOp> operation(Members& members) {
    const std::string_view op = members[kOp].text;
    if (op == "send") return send(members);
    if (op == "ack") return ack(members);
    if (op == "edit") return edit(members);
    if (op == "delete") return remove(members);
    if (op == "read") return read(members);
    if (op == "watch") return watch(members);
    if (op == "typing") return typing(members);
    if (op == "ping") return PingOp{};
    if (op == "attach") return attach(members);
    if (std::ranges::find(kNotOffered, op) == kNotOffered.end()) return std::nullopt;
    return refused(Error{Code::bad_request, "this server does not offer `" + std::string(op) + "`"});
}

// The ref as it will be repeated; false if it is neither number nor string, or too long.
bool take_ref(JsonMember& member, std::string& ref) {
    switch (member.kind) {
        case Kind::absent:
        case Kind::null: return true;
        case Kind::whole:
        case Kind::number: ref = std::move(member.text); break;
        case Kind::string: append_string(ref, member.text); break;
        default: return false;
    }
    if (ref.size() <= kRefBytesMax) return true;
    ref.clear();
    return false;
}

}  // namespace

std::optional<ClientFrame> parse_client_frame(std::string_view text) {
    Members members;
    members[kOp].name = "op";
    members[kRef].name = "ref";
    members[kCursor].name = "cursor";
    members[kConversation].name = "conversation_id";
    members[kUser].name = "user_id";
    members[kClientId].name = "client_id";
    members[kText].name = "text";
    members[kSeq].name = "seq";
    members[kUsers].name = "users";
    if (!read_object(text, members) || !members[kOp].is(Kind::string)) return std::nullopt;
    ClientFrame frame;
    const bool has_good_ref = take_ref(members[kRef], frame.ref);
    auto op = operation(members);
    if (!op) return std::nullopt;
    frame.op = has_good_ref ? *std::move(op) : refused(Error{Code::bad_request, "`ref` must be a number or a short string"});
    return frame;
}

}  // namespace madang::wire
