#include "server/config_keys.hpp"

#include <algorithm>

namespace madang::server {
namespace {

constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kDay = 24 * 3'600 * kSecond;
constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kMillion = 1'000'000;

// NOLINTBEGIN: a table
#define AT(type, member) +[](Config& c) -> type& { return c.member; }
#define FLAG(member) AT(bool, member)
#define PORT(member) AT(std::uint16_t, member)
#define NUMBER(member) AT(std::uint32_t, member)
#define BYTES(member) AT(std::size_t, member)
#define TIME(member) AT(Millis, member)
#define TEXT(member) AT(std::string, member)
#define LIST(member) AT(std::vector<std::string>, member)

// clang-format off
const std::vector<ConfigKey> kKeys{
    {"server", "host", TEXT(server.host), "Address to listen on. Anything but loopback opens the server to the network."},
    {"server", "port", PORT(server.port), "TCP port; 0 = any free one.", 0, 65'535},
    {"server", "data", TEXT(server.data), "Folder of the store and of the administration socket; made if need be."},
    {"server", "engines", NUMBER(server.engines), "Engines that share users and conversations, each on its own I/O thread. May change at any start.", 1, 64},
    {"server", "io_threads", NUMBER(server.io_threads), "I/O threads; 0 = one per engine. More than engines: the rest serve HTTP only.", 0, 128},
    {"server", "reader_threads", NUMBER(server.reader_threads), "Threads that read history and cold state from the store.", 1, 64},
    {"server", "worker", NUMBER(server.worker), "Number of the first engine in its ids; engine n takes worker + n. Unique among servers of one deployment.", 0, 1'023},
    {"server", "origins", LIST(server.origins), "Web origins that may connect from a browser, e.g. \"https://chat.example.org\"; \"*\" = any. Same-origin pages always may."},
    {"server", "region", TEXT(server.region), "Region named by service discovery."},
    {"server", "public_url", TEXT(server.public_url), "URL by which clients reach this server; empty = the address listened on."},
    {"server", "log_level", TEXT(server.log_level), "Least severe line that is logged.", 0, UINT64_MAX, {"debug", "info", "warn", "error"}},
    {"server", "log_format", TEXT(server.log_format), "One line of text, or one JSON object a line.", 0, UINT64_MAX, {"text", "json"}},
    {"server", "drain", TIME(server.drain), "How long a stop waits for what is in flight.", 0, 3'600 * kSecond},
    {"server", "clock", TEXT(server.clock), "Real time; or, for tests, one that the administration socket's clock-advance moves on.", 0, UINT64_MAX, {"system", "movable"}},
    {"server", "clock_ahead", TIME(server.clock_ahead), "How far a movable clock is ahead of real time at the start.", 0, 3'650 * kDay},

    {"store", "commit", TEXT(store.commit), "Who waits for the disk: the I/O thread (cheapest) or a thread of its own (for slow disks).", 0, UINT64_MAX, {"inline", "thread"}},
    {"store", "free_space_floor", BYTES(store.free_space_floor), "With less free space than this, sends answer storage_full; reads go on.", 0, UINT64_MAX},
    {"store", "cache", BYTES(store.cache), "Memory for blocks, indexes and filters of the store's files.", kMiB, 1'024 * 1'024 * kMiB},
    {"store", "write_buffer", BYTES(store.write_buffer), "Memory for rows not yet in a file; as much again while they are written.", kMiB, 1'024 * kMiB},

    {"limits", "group_members", NUMBER(limits.group_members), "Members of a group, the owner included; one more: group_full.", 2, 1'000},
    {"limits", "text_chars", NUMBER(limits.text_chars), "Unicode code points of a message; one more: text_too_long.", 1, kMillion},
    {"limits", "edit_window", TIME(limits.edit_window), "How long after sending a message may be edited; later: forbidden. 0 = for ever.", 0, 3'650 * kDay},
    {"limits", "delete_window", TIME(limits.delete_window), "How long after sending a message may be deleted by its sender; admins and the owner always may. 0 = for ever.", 0, 3'650 * kDay},
    {"limits", "title_chars", NUMBER(limits.title_chars), "Code points of a group's title; one more: bad_request.", 1, 10'000},
    {"limits", "display_name_chars", NUMBER(limits.display_name_chars), "Code points of a display name; one more: bad_request.", 1, 10'000},
    {"limits", "devices_per_user", NUMBER(limits.devices_per_user), "Devices signed in at once; one more signs out the one unused for longest.", 1, 1'000},
    {"limits", "friends", NUMBER(limits.friends), "Friends of a user, with requests both ways; one more: bad_request.", 1, kMillion},
    {"limits", "blocks", NUMBER(limits.blocks), "Users whom a user blocks; one more: bad_request.", 1, kMillion},
    {"limits", "settings_bytes", NUMBER(limits.settings_bytes), "Bytes of a user's settings as JSON; more: too_large.", 2, kMillion},
    {"limits", "page_items", NUMBER(limits.page_items), "Items of any list; a larger `limit` is cut to it.", 1, 1'000},
    {"limits", "page_bytes", BYTES(limits.page_bytes), "Bytes of a sync or history page; at least one item goes all the same.", 4 * kKiB, 64 * kMiB},
    {"limits", "frame_bytes", BYTES(limits.frame_bytes), "Bytes of a WebSocket message or an HTTP body; more: closed with 1009, or too_large.", 4 * kKiB, 64 * kMiB},
    {"limits", "send_queue_bytes", BYTES(limits.send_queue_bytes), "Unsent bytes of one socket; more: closed with 4002, and resumes from its cursor.", 4 * kKiB, 64 * kMiB},
    {"limits", "sends_per_second", NUMBER(limits.sends_per_second), "Messages a second and user; more: rate_limited.", 1, kMillion},
    {"limits", "send_bytes_per_second", BYTES(limits.send_bytes_per_second), "Bytes of text a second and user; more: rate_limited.", kKiB, 1'024 * kMiB},
    {"limits", "loopback_exempt", FLAG(limits.loopback_exempt), "Clients on this machine's loopback are not limited by address."},
    {"limits", "group_commit_rows", NUMBER(limits.group_commit_rows), "Inbox rows one turn of an engine writes; a larger fan-out goes on in the next turn.", 100, kMillion},
    {"limits", "fan_out_pending", NUMBER(limits.fan_out_pending), "Entries not yet in every inbox, per engine; more: sends answer unavailable.", 100, 10 * kMillion},
    {"limits", "parked_requests", NUMBER(limits.parked_requests), "Requests that wait for the disk, per engine; more: unavailable.", 1, kMillion},
    {"limits", "held_messages", NUMBER(limits.held_messages), "Messages that wait for review, per engine; one more: denied_by_policy.", 1, kMillion},
    {"limits", "users_in_memory", NUMBER(limits.users_in_memory), "Users in memory, per engine; the least recently used one is dropped and read again on demand.", 10, 100 * kMillion},
    {"limits", "conversations_in_memory", NUMBER(limits.conversations_in_memory), "Conversations in memory, likewise.", 10, 100 * kMillion},
    {"limits", "inbox_tail_items", NUMBER(limits.inbox_tail_items), "Newest inbox items of an online user kept in memory, for a quick resume.", 1, 100'000},
    {"limits", "inbox_tail_bytes", BYTES(limits.inbox_tail_bytes), "The same in bytes, whichever is reached first.", kKiB, 64 * kMiB},
    {"limits", "long_poll_max", TIME(limits.long_poll_max), "Longest `wait` of a poll; a longer one is cut to it.", kSecond, 600 * kSecond},
    {"limits", "handshake_timeout", TIME(limits.handshake_timeout), "Time for a connection's first request, or for the rest of one that has begun.", 100, 600 * kSecond},

    {"presence", "heartbeat", TIME(limits.heartbeat), "How often clients are asked to ping.", 100, 600 * kSecond},
    {"presence", "offline_after", TIME(limits.offline_after), "A socket silent for this long is closed with 4008.", 200, 3'600 * kSecond},
    {"presence", "fan_out_members_max", NUMBER(limits.fan_out_members_max), "Typing is told in conversations of up to so many members.", 0, 1'000},

    {"push", "ack_within", TIME(limits.push_ack_within), "How long a message may go without an ack of an attached device before its recipient is notified.", 100, 600 * kSecond},
    {"push", "max_age", TIME(limits.push_max_age), "Notifications that could not be handed out for so long are given up.", kSecond, 30 * kDay},
    {"push", "max_attempts", NUMBER(limits.push_max_attempts), "Likewise after so many attempts.", 1, kMillion},
    {"push", "dead_letters", NUMBER(limits.push_dead_max), "Given up notifications that an engine keeps for `madang push dead`; one more: the oldest goes.", 0, kMillion},

    {"accounts", "sign_up", FLAG(accounts.sign_up), "Anyone may make an account; otherwise only `madang user add` does. Off where a plugin authenticates, unless it is set."},
    {"accounts", "token_lifetime", TIME(limits.token_lifetime), "How long a log-in lasts.", kSecond, 3'650 * kDay},
    {"accounts", "password_threads", NUMBER(accounts.password_threads), "Threads that hash passwords (14 ms each); 0 = half the processors.", 0, 64},
    {"accounts", "password_queue", NUMBER(accounts.password_queue), "Log-ins and sign-ups that wait for such a thread; more: unavailable.", 1, 100'000},
    {"accounts", "system", TEXT(accounts.system), "Username of the account that plugins write as. With plugins nobody else can sign up by it."},
    {"accounts", "system_name", TEXT(accounts.system_name), "Its display name, when it is made."},
};
// clang-format on
#undef AT
#undef FLAG
#undef PORT
#undef NUMBER
#undef BYTES
#undef TIME
#undef TEXT
#undef LIST
// NOLINTEND

}  // namespace

std::string ConfigKey::full_name() const { return std::string{section}.append(".").append(name); }

std::span<const ConfigKey> config_keys() { return kKeys; }

const ConfigKey* find_config_key(std::string_view full_name) {
    const auto found = std::ranges::find_if(kKeys, [&](const ConfigKey& key) { return key.full_name() == full_name; });
    return found == kKeys.end() ? nullptr : &*found;
}

}  // namespace madang::server
