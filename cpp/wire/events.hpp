// Inbox events as JSON. The body of an event, everything but its cursor, is made once and shared by all who may share it: a message looks
// the same to everybody, a change of a conversation depends on who reads it.
// Immutable, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "model/entry.hpp"

namespace madang::wire {

// Whose inbox it is, and what they are in the conversation as of the entry.
struct Viewer {
    UserId user;
    Role role = Role::member;
};

// Is the body the same for every viewer?
inline bool has_shared_body(const Entry& entry) { return entry.is_message() || entry.is_revision(); }

// `"type":…,"conversation_id":…,"seq":…,"message":{…}}`: the end of an event, its closing brace included.
std::string encode_event_body(const Entry& entry, const Viewer& viewer);
// The message object within such a body of a message's entry or its revision, for replies.
std::string_view message_in(std::string_view event_body);

// One event: the cursor spliced before a body.
void append_event(std::string& out, Cursor cursor, std::string_view body);
void append_event(std::string& out, const Event& event, UserId viewer);

// The answer to GET /v1/sync.
void append_sync_page(std::string& out, std::span<const Event> events, Cursor cursor, bool more, UserId viewer);

}  // namespace madang::wire
