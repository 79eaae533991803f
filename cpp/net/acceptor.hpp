// The listening socket: accepts what waits and hands it on. Without descriptors it keeps a spare one to close the waiting clients with, and
// pauses; it never spins and never gives up.
//
// Owner: the Listener. Thread: its loop's only, after open().
#pragma once

#include <cstdint>
#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/result.hpp"
#include "net/figures.hpp"
#include "net/listener.hpp"

namespace madang::net {

class Acceptor {
  public:
    // Gets every accepted socket, non-blocking, and owns it from then on.
    using OnSocket = std::function<void(int socket, bool is_loopback)>;

    Acceptor(boost::asio::io_context& loop, Figures& figures, OnSocket on_socket);
    ~Acceptor();

    // Binds and listens; answers the port. Before the loop runs, or on it.
    Result<std::uint16_t> open(const ListenOptions& options);
    void start();
    void close();

  private:
    void await();
    void accept_waiting();
    void on_no_descriptors();
    void pause();

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer pause_;
    Figures& figures_;
    OnSocket on_socket_;
    int spare_ = -1;
    int descriptors_max_ = 0;
};

}  // namespace madang::net
