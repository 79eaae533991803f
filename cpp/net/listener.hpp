// The public door: one port for HTTP and WebSocket. Accepts on the first loop and hands the sockets to the loops in turn; a WebSocket moves
// on to the loop of its user's engine once it is authenticated, so that inbox and session share a thread.
//
// Owner: the composition root. Outlived by: the loops' contexts and Cores. Loop i carries engine i, as far as there are engines.
// Thread: listen, look_at_clock, drain, stop and figures from any thread; the destructor once no loop runs any more, before the contexts
// die. Limits: file descriptors, those of the process or ListenOptions::descriptors_max. At the maximum a waiting client is accepted and
// closed at once, and accepting pauses for 100 ms. Errors: listen() only (unavailable: the address is taken or not ours). Everything later
// concerns one connection and ends there.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/core.hpp"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace madang::net {

// One I/O loop: its context and the Core of the engine that lives on it. `context` is run by one thread only.
struct LoopRef {
    boost::asio::io_context& context;
    Core& core;
};

struct ListenOptions {
    std::string host = "127.0.0.1";    // a numeric address, IPv4 or IPv6
    std::uint16_t port = 8080;         // 0 = any free one; listen() says which
    std::vector<std::string> origins;  // allowed besides the server's own host, e.g. "https://app.example"; "*" = all
    int backlog = 4'096;
    int descriptors_max = 0;  // no connection gets a descriptor from this number on: they are the store's; 0 = the process's limit
    unsigned engines = 0;     // the first loops carry one each, the others only take connections; 0 = every loop carries one
};

// Sums over all loops; may lag one turn.
struct ListenerFigures {
    std::uint64_t http_connections = 0, websockets = 0;  // open now
    std::uint64_t accepted = 0, refused = 0;             // since start; refused = closed for want of descriptors
    std::uint64_t requests = 0, request_errors = 0;      // HTTP since start; errors = answers from 400 on
    std::uint64_t frames_in = 0, frames_out = 0;         // WebSocket messages since start
    std::uint64_t bytes_in = 0, bytes_out = 0;
    std::uint64_t slow_consumers = 0, heartbeats_lost = 0, bad_frames = 0;  // closed with 4002, 4008, 4004
    std::uint64_t signals_dropped = 0;                                      // for want of room in a socket's queue
};

class Listener {
  public:
    Listener(std::vector<LoopRef> loops, ListenOptions options);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // Binds (SO_REUSEADDR) and begins to accept as soon as the loops run. Answers the port.
    Result<std::uint16_t> listen();
    // The clock was moved: silences and expiries that are over by now have their consequences, in some later turn.
    void look_at_clock();
    // No new connections; HTTP requests under way are answered, their connections then close; WebSockets get `goaway`, spread over
    // `grace`, and are closed with 1012 at its end. Finished when figures() counts no connection. Once.
    void drain(std::chrono::milliseconds grace = std::chrono::seconds{1});
    // Closes everything now: WebSockets with 1001, without waiting for their answers. After drain() or instead of it.
    void stop();

    ListenerFigures figures() const;

  private:
    class State;
    std::unique_ptr<State> state_;
};

}  // namespace madang::net
