// What goes back besides objects: problem documents over HTTP (RFC 9457), and the frames of the WebSocket, which are one JSON object each.
// Immutable, any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/signal.hpp"

namespace madang::wire {

// Members that only `resync_required` has: why, and where to go on.
struct ResyncHint {
    std::string_view reason;  // trimmed | ahead | restored
    Cursor cursor;
};
// `title` is the status's phrase. `resync` only with Code::resync_required.
void append_problem(std::string& out, int status, std::string_view title, const Error& error, const ResyncHint* resync = nullptr);

// `ref` below: JSON text as a ClientFrame holds it; empty = none, and then it is left out.

// A frame of events is kEventsBegin, the events (append_event) with commas between them, and kEventsEnd.
inline constexpr std::string_view kEventsBegin = R"({"op":"events","events":[)";
inline constexpr std::string_view kEventsEnd = "]}";

void append_attached(std::string& out, std::string_view ref, Cursor cursor);
void append_resync(std::string& out, const ResyncHint& hint);
void append_pong(std::string& out, std::string_view ref);
void append_goaway(std::string& out, std::chrono::milliseconds after);
void append_signal(std::string& out, const Signal& signal);
void append_reply(std::string& out, std::string_view ref);
void append_message_reply(std::string& out, std::string_view ref, std::string_view message);
// `held`: as append_held writes it.
void append_held_reply(std::string& out, std::string_view ref, std::string_view held);
// `state`: the members of append_read_state.
void append_read_reply(std::string& out, std::string_view ref, std::string_view state);
void append_error_reply(std::string& out, std::string_view ref, const Error& error);

}  // namespace madang::wire
