// The protocol's objects as JSON, appended to a buffer of the caller's. Members that are optional in the protocol are absent, never null.
// Immutable, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "model/conversation.hpp"
#include "model/entry.hpp"
#include "model/signal.hpp"
#include "model/user.hpp"

namespace madang::wire {

void append_user(std::string& out, const Profile& user);
void append_friendship(std::string& out, const Profile& user, FriendState state);
// Of oneself: with `settings`, which are a JSON object already.
void append_account(std::string& out, const Account& account);
// One of the account's devices; `current` = the one that asks.
void append_device(std::string& out, const Device& device, bool current);
void append_exported_device(std::string& out, const Device& device, bool current);  // with its push registration

struct ServerObject {
    std::string_view url;
    std::string_view region;
    double load = 0;  // 0–1, sent with two decimals
};
void append_server(std::string& out, const ServerObject& server);

// The answer to a log-in.
struct SessionObject {
    std::string_view token;
    Time expires_at{};
    const Account& user;
    DeviceId device_id;
    Cursor cursor;
    std::span<const ServerObject> servers;  // best first
};
void append_session(std::string& out, const SessionObject& session);

// A conversation as one user sees it.
struct ConversationObject {
    const Conversation& conversation;
    Seq head_seq;
    Role my_role = Role::member;
    const Entry* last_message = nullptr;  // null = none
    const Profile* peer = nullptr;        // of a direct one
    const OwnView* own = nullptr;         // null = not known here: its members are left out
};
void append_conversation(std::string& out, const ConversationObject& view);
// `"seq":…,"unread":…,"unread_mentions":…`: a marker and what lies behind it, without braces.
void append_read_state(std::string& out, Seq marker, std::uint32_t unread, std::uint32_t unread_mentions);
// `user_id, status, last_active_at`.
void append_presence(std::string& out, const PresenceSignal& presence);
// A mute that is over by `now` is none. Without a receipt, as in events, which show what was: a receipt is no entry of the log.
void append_member(std::string& out, const Member& member, Time now, const Receipt* receipt = nullptr);
// `entry` must be a message's.
void append_message(std::string& out, const Entry& entry);

// `{"<name>":[…],"next":"…"}`, the shape of every list; an empty `next` is left out.
// `more` is put before its end: `,"name":value`.
template <typename Items, typename AppendOne>
void append_list(std::string& out, std::string_view name, const Items& items, std::string_view next, AppendOne append_one,
                 std::string_view more = {}) {
    out.append("{\"").append(name).append("\":[");
    bool is_first = true;
    for (const auto& item : items) {
        if (!is_first) out += ',';
        is_first = false;
        append_one(out, item);
    }
    out += ']';
    if (!next.empty()) out.append(",\"next\":\"").append(next).append("\"");  // opaque to the client, plain ASCII by construction
    out.append(more) += '}';
}

}  // namespace madang::wire
