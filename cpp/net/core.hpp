// What the network layer needs of the server around it. One Core per I/O loop; everything is called, and calls back, on that loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "chat/effects.hpp"
#include "chat/requests.hpp"
#include "hooks/verdict.hpp"

namespace madang::net {

// The attached socket's side of an engine. Owned by its connection; must be closed with Core::close_session before it dies.
class SessionSink {
  public:
    virtual ~SessionSink() = default;
    virtual void on_attached(Cursor cursor) = 0;
    // One live event. Called many times a turn: encode the shared entry once (same pointer, many sinks), write at the end of the turn.
    virtual void on_event(Cursor cursor, Role role, const EntryPtr& entry) = 0;
    // A page of a replay. After its last byte has been handed to the kernel: Core::submit(Drained). Does not count for 4002.
    virtual void on_page(std::span<const Event> events) = 0;
    // Dropped when the socket's queue is half full.
    virtual void on_signal(const Signal& signal) = 0;
    virtual void on_resync(const ResyncRequired& why) = 0;
    virtual void on_close(CloseCode code) = 0;
};

struct ServerAddress {
    std::string url;
    std::string region;
    double load = 0;  // 0 = idle, 1 = full
};

// Service discovery: which servers a client may connect to, best first. One process names itself; a cluster fills this.
class Discovery {
  public:
    virtual ~Discovery() = default;
    virtual std::vector<ServerAddress> servers(std::string_view region) const = 0;  // any thread
};

// Whom a plugin has recognised.
struct Identified {
    Identity identity;
    std::string origin;  // the plugin's name, and that of the accounts it makes
};

class Core {
  public:
    using OnReply = std::move_only_function<void(Result<Response>)>;
    using OnHash = std::move_only_function<void(Result<std::string>)>;
    using OnVerified = std::move_only_function<void(Result<bool>)>;

    using OnIdentified = std::move_only_function<void(Result<Identified>)>;

    virtual ~Core() = default;

    // Routes to the slot's engine, on whatever loop. `on_reply` is called exactly once, later, on this loop (never from inside submit),
    // unless the loop stops first. Connect, Attach, Detach, Drained and EndPoll have no reply: pass nothing. The number is what EndPoll
    // calls a Sync by; 0 = nobody was asked.
    virtual std::uint64_t submit(Request request, OnReply on_reply = {}) = 0;

    // A socket that was upgraded: submit Connect at once, Detach at its end. Connect, Attach, Detach and Drained go to the user's engine,
    // which must be on this loop (Listener sees to it).
    virtual SessionId open_session(SessionSink& sink) = 0;
    virtual void close_session(SessionId session) = 0;

    // Argon2id in a bounded pool; `unavailable` with retry_after when its queue is full.
    virtual void hash_password(std::string password, OnHash on_hash) = 0;
    virtual void verify_password(std::string password, std::string hash, OnVerified on_verified) = 0;

    // Asks the plugin that authenticates, never from inside the call. Errors: unauthenticated with the plugin's reason, plugin_unavailable
    // (it failed or is late), bad_request (there is none).
    virtual void identify(std::string credentials, OnIdentified on_identified) = 0;

    // Called at the end of this turn, after its effects: when sockets write what has gathered. One-shot.
    virtual void at_turn_end(std::move_only_function<void()> write) = 0;

    virtual const Limits& limits() const = 0;
    virtual const Clock& clock() const = 0;
    virtual const Discovery& discovery() const = 0;
    virtual std::string metrics() const = 0;  // Prometheus text
    virtual bool is_ready() const = 0;        // readyz: false while starting, draining or when the store has failed
};

}  // namespace madang::net
