// What a client says over the WebSocket: one JSON object a frame, parsed to one typed operation.
// Thread: any. Limits: nesting of 32, a `ref` of kRefBytesMax; a longer one counts as a wrong member.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/signal.hpp"

namespace madang::wire {

inline constexpr std::size_t kRefBytesMax = 256;

struct AttachOp {
    std::optional<Cursor> cursor;  // none = from now
};
// Exactly one of the two addressees is set; a `client_id` of 1–64 characters. Whether the text is empty or too long is the engine's to say.
struct SendOp {
    ConversationId conversation;
    UserId peer;
    std::string client_id;
    std::string text;
};
struct EditOp {
    ConversationId conversation;
    Seq seq;
    std::string text;
};
struct DeleteOp {
    ConversationId conversation;
    Seq seq;
};
struct ReadOp {
    ConversationId conversation;
    Seq seq;
};
struct AckOp {
    Cursor cursor;
};
// Of kWatchUsersMax users at most.
struct WatchOp {
    std::vector<UserId> users;
};
struct TypingOp {
    ConversationId conversation;
};
struct PingOp {};
// A known operation that can't be done: wrong or missing members, or not offered by this server.
struct RefusedOp {
    Error error;
    bool only_with_ref = false;  // ack, typing and watch are answered only when they bear a ref
};
using ClientOp = std::variant<AttachOp, SendOp, EditOp, DeleteOp, ReadOp, AckOp, PingOp, RefusedOp, WatchOp, TypingOp>;

struct ClientFrame {
    std::string ref;  // as JSON, ready to be repeated: a number as it was written, or a string; empty = none
    ClientOp op;
};

// None: a bad frame (4004): empty, not one JSON object, not well-formed UTF-8, nested too deeply, or no known `op`.
std::optional<ClientFrame> parse_client_frame(std::string_view text);

}  // namespace madang::wire
