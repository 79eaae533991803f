// Every limit a configuration may move, with its default, its unit and what happens at the maximum. Immutable after start.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace madang {

using namespace std::chrono_literals;

struct Limits {
    std::uint32_t group_members = 100;            // the owner included; one more: group_full. 2–1,000
    std::uint32_t text_chars = 100'000;           // Unicode code points of a message; one more: text_too_long
    std::uint32_t title_chars = 100;              // code points; one more: bad_request
    std::uint32_t display_name_chars = 100;       // code points; one more: bad_request
    std::uint32_t devices_per_user = 10;          // one more signs out the device unused for longest
    std::uint32_t friends = 5'000;                // of a user, with requests both ways; one more: bad_request. A race may pass it
    std::uint32_t blocks = 5'000;                 // set by a user; likewise
    std::uint32_t settings_bytes = 16'384;        // a user's settings, as JSON; more: too_large
    std::uint32_t page_items = 100;               // of any list; a larger `limit` is cut to it
    std::size_t page_bytes = 1 << 20;             // of a sync or history page, at least one item all the same
    std::chrono::milliseconds edit_window{0};     // how long after sending a message may be edited; later: forbidden. 0 = for ever
    std::chrono::milliseconds delete_window{0};   // likewise deleted by its sender; admins and the owner may always
    std::size_t frame_bytes = 2 << 20;            // a WebSocket message or an HTTP body; more: 1009, or too_large
    std::size_t send_queue_bytes = 256 << 10;     // unsent bytes of one socket; more: closed with 4002
    std::uint32_t sends_per_second = 500;         // per user; more: rate_limited (loopback is exempt, see loopback_exempt)
    std::size_t send_bytes_per_second = 4 << 20;  // per user, likewise
    bool loopback_exempt = true;
    std::uint32_t group_commit_rows = 2'000;  // inbox rows one turn writes at most; the rest of a large fan-out goes on in the next turn
    std::uint32_t fan_out_pending = 100'000;  // entries not yet in every inbox; more: sends answer unavailable
    std::uint32_t held_messages = 10'000;     // waiting for review, per engine; more: denied_by_policy
    std::uint32_t parked_requests = 10'000;   // waiting for cold state, per engine; more: unavailable
    std::uint32_t users_in_memory = 50'000;   // per engine; beyond it the least recently used cold user is dropped
    std::uint32_t conversations_in_memory = 50'000;  // per engine, likewise
    std::uint32_t inbox_tail_items = 256;            // newest inbox items of an online user kept in memory
    std::size_t inbox_tail_bytes = 128 << 10;        // likewise, whichever is reached first
    std::chrono::milliseconds long_poll_max = 60s;   // a longer `wait` is cut to it
    std::chrono::milliseconds token_lifetime = std::chrono::hours{24 * 90};
    std::chrono::milliseconds heartbeat = 5s;       // how often clients are told to ping
    std::chrono::milliseconds offline_after = 30s;  // a socket silent for that long closes with 4008
    std::uint32_t fan_out_members_max = 100;        // typing is told in conversations of up to so many members
    std::chrono::milliseconds handshake_timeout = 10s;
    std::chrono::milliseconds push_ack_within = 2s;                   // of a device that is attached; then a push is due
    std::chrono::milliseconds push_max_age = std::chrono::hours{24};  // of a push that can't be handed out; then it is given up
    std::uint32_t push_max_attempts = 200;                            // likewise, whichever comes first
    std::uint32_t push_in_memory = 1'000;                             // waiting pushes an engine keeps in memory; the others on disk
    std::uint32_t push_dead_max = 10'000;                             // pushes given up that an engine keeps; then the oldest goes
};

}  // namespace madang
