// What the connections of one loop share: its Core, one read buffer, the wheels of their deadlines, the events encoded this turn, and the
// list of those that have something to send at its end.
//
// Owner: the Listener. Thread: its loop's only, but for adopt(), post() and the figures. Outlived by: context, Core.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include "net/connection.hpp"
#include "net/core.hpp"
#include "net/event_cache.hpp"
#include "net/figures.hpp"
#include "net/listener.hpp"
#include "net/origins.hpp"
#include "net/rate_limiter.hpp"
#include "net/timer_wheel.hpp"

namespace madang::net {

// A socket that was upgraded, on its way to the loop of its user's engine.
struct Upgraded {
    int socket = -1;
    bool is_loopback = false;
    Actor actor;
    Time expires_at{};     // of its token
    std::string answer;    // the 101, not yet sent
    std::string received;  // what the client sent behind the handshake
};

class Gateway {
  public:
    Gateway(std::uint32_t index, LoopRef loop, const Origins& origins);
    ~Gateway();

    // The gateways of the loops that carry engines, in their order; set before anything runs.
    void set_owners(std::span<const std::unique_ptr<Gateway>> owners) { owners_ = owners; }
    // Any thread: runs `job` on this loop.
    void post(std::move_only_function<void()> job);
    // Any thread: takes over a socket that was just accepted.
    void adopt(int socket, bool is_loopback);
    // Hands an upgraded socket to the loop that owns its user.
    void move_to_owner(Upgraded upgraded);

    // Begins to watch the deadlines.
    void start();
    // Deadlines on the injected clock that have come.
    void look_at_clock();
    void drain(std::chrono::milliseconds grace);
    // Shuts everything; nothing is accepted afterwards.
    void stop();

    std::uint32_t index() const { return index_; }
    Core& core() { return loop_.core; }
    boost::asio::io_context& context() { return loop_.context; }
    const Origins& origins() const { return origins_; }
    Figures& figures() { return figures_; }
    const Figures& figures() const { return figures_; }
    EventCache& events() { return events_; }
    RateLimiter& rates() { return rates_; }
    std::span<char> read_buffer() { return read_buffer_; }
    bool is_draining() const { return is_draining_; }

    // Deadlines of sockets run on real time; silence and its pings on the injected clock, as heartbeats do.
    Tick real_now() const;
    Tick clock_now() const { return loop_.core.clock().tick(); }
    TimerWheel& real_wheel() { return real_wheel_; }
    TimerWheel& clock_wheel() { return clock_wheel_; }

    // For Connection.
    void add(Connection& connection) { connections_.push_back(connection); }
    void flush_at_turn_end(std::shared_ptr<Connection> connection);

  private:
    void take(Upgraded upgraded);
    void flush_due();
    void watch_deadlines();
    template <typename Visit>
    void for_each_connection(Visit visit);

    using Connections =
        boost::intrusive::list<Connection, boost::intrusive::base_hook<GatewayHook>, boost::intrusive::constant_time_size<false>>;

    std::uint32_t index_;
    LoopRef loop_;
    const Origins& origins_;
    std::span<const std::unique_ptr<Gateway>> owners_;
    Figures figures_;
    EventCache events_;
    RateLimiter rates_;
    TimerWheel real_wheel_, clock_wheel_;
    boost::asio::steady_timer timer_;
    Connections connections_;
    std::vector<std::shared_ptr<Connection>> due_;  // something to send at the end of this turn
    bool is_draining_ = false, is_stopped_ = false, is_flush_asked_ = false;
    int steps_ = 0;  // of the wheels
    std::array<char, 64 << 10> read_buffer_;
};

}  // namespace madang::net
