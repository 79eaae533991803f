// One TCP connection on one loop: reads when there is something to read, and an outbound queue with one write in flight. What stands on it
// (HTTP, or a WebSocket) derives from it.
//
// Owner: itself, from start() until it is shut. Thread: its loop's only. Outlived by: its Gateway, unless it is shut.
// Limits: reads through the loop's shared buffer, so it owns no memory while it is silent; what is queued is for the derived class to
// bound. Errors: a failed socket ends in on_shut(), exactly once, whatever the reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list_hook.hpp>

#include "net/timer_wheel.hpp"

namespace madang::net {

class Gateway;
// Without type erasure: the executor is always that of the loop.
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
struct GatewayTag;
using GatewayHook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<GatewayTag>, boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// Takes over a descriptor; `loop` is its only thread.
Socket make_socket(boost::asio::io_context& loop, int descriptor);

class Connection : public std::enable_shared_from_this<Connection>, public Timed, public GatewayHook {
  public:
    Connection(Gateway& gateway, Socket socket);
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Begins to read. Once.
    void start();
    // Closes the socket now; what is queued is lost.
    void shut();
    bool is_open() const { return self_ != nullptr; }

    // For Gateway: hands what has gathered to the kernel at the end of a turn.
    void flush();
    // For Gateway: the peer should go away after so long, and is made to at the end of `grace`.
    virtual void on_drain(std::chrono::milliseconds goaway_after, std::chrono::milliseconds grace) = 0;
    // For Gateway: shuts, with a last word if there is one to say.
    virtual void on_stop() = 0;

  protected:
    // Bytes that lie in the loop's buffer: to be used up or copied.
    virtual void on_bytes(std::span<char> bytes) = 0;
    virtual void on_end() = 0;      // the peer sends no more; nothing is read after it
    virtual void before_flush() {}  // last chance to add to queue()
    virtual void on_sent() = 0;     // after each attempt to send, also when there was nothing to send
    virtual void on_shut() = 0;     // the socket is gone

    Gateway& gateway() const { return gateway_; }
    // Bytes that go out next. After adding to it: send_soon().
    std::string& queue() { return waiting_; }
    // Sends at the end of this turn, with what gathers until then.
    void send_soon();
    // Sends what the kernel takes. Never shuts: it may be called in the middle of anything.
    void send_now();
    std::uint64_t handed_bytes() const { return handed_; }  // to the kernel, since the start
    std::size_t unsent_bytes() const { return sending_.size() - sending_at_ + waiting_.size(); }
    // Stops or resumes reading; what was read already still comes.
    void set_reading(bool reads);
    // No more will be sent; the peer sees the end after the last byte.
    void end_sending();
    // What is queued and not yet handed over, which then is queued no longer.
    std::string take_unsent();
    // Gives up the socket; the connection counts as shut, without on_shut().
    int release_socket();

  private:
    void await_readable();
    void await_writable();
    void on_readable();
    // A socket error in the middle of something: the socket is shut at the end of the turn.
    void on_broken();

    Gateway& gateway_;
    Socket socket_;
    std::shared_ptr<Connection> self_;  // while open
    std::string sending_;               // the write in flight
    std::string waiting_;               // begins where a frame begins
    std::size_t sending_at_ = 0;
    std::uint64_t handed_ = 0;
    bool reads_ = true, is_reading_ = false, is_writing_ = false;
    bool is_due_ = false;  // stands in the gateway's list for the end of the turn
    bool is_broken_ = false, is_at_end_ = false;
};

}  // namespace madang::net
