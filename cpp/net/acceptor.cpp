#include "net/acceptor.hpp"

#include <cerrno>
#include <chrono>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>

namespace madang::net {
namespace {

constexpr int kAcceptsInARow = 64;
constexpr std::chrono::milliseconds kPause{100};

int open_spare() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

bool is_loopback(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET) return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24 == 127;
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

bool is_out_of_descriptors(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

}  // namespace

Acceptor::Acceptor(boost::asio::io_context& loop, Figures& figures, OnSocket on_socket)
    : acceptor_(loop), pause_(loop), figures_(figures), on_socket_(std::move(on_socket)), spare_(open_spare()) {}

Acceptor::~Acceptor() {
    close();
    if (spare_ >= 0) ::close(spare_);
}

Result<std::uint16_t> Acceptor::open(const ListenOptions& options) {
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(options.host, error);
    if (error) return fail(Code::unavailable, "not a numeric address: " + options.host);
    const boost::asio::ip::tcp::endpoint endpoint{address, options.port};
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(boost::asio::socket_base::reuse_address{true}, error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(options.backlog, error);
    if (!error) acceptor_.non_blocking(true, error);
    if (error) {
        close();
        return fail(Code::unavailable, "can't listen on " + options.host + ":" + std::to_string(options.port) + ": " + error.message());
    }
    descriptors_max_ = options.descriptors_max;
    return acceptor_.local_endpoint().port();
}

void Acceptor::start() { await(); }

void Acceptor::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

void Acceptor::await() {
    if (!acceptor_.is_open()) return;
    acceptor_.async_wait(boost::asio::ip::tcp::acceptor::wait_read, [this](const boost::system::error_code& error) {
        if (!error) accept_waiting();
    });
}

void Acceptor::accept_waiting() {
    bool is_full = false;
    for (int i = 0; i < kAcceptsInARow; ++i) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        const int socket = ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) {
            if (is_out_of_descriptors(errno)) return on_no_descriptors();
            if (errno == EAGAIN || errno == EWOULDBLOCK) break;
            continue;  // this one is gone already (ECONNABORTED and the like), the next one may be there
        }
        // A new descriptor has the lowest free number, so this many are in use.
        if (descriptors_max_ > 0 && socket >= descriptors_max_) {
            ::close(socket);
            figures_.refused.add();
            is_full = true;
            continue;
        }
        const int on = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        figures_.accepted.add();
        on_socket_(socket, is_loopback(address));
    }
    if (is_full) return pause();
    await();
}

void Acceptor::on_no_descriptors() {
    if (spare_ >= 0) {
        ::close(spare_);
        const int socket = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
        if (socket >= 0) {
            ::close(socket);
            figures_.refused.add();
        }
    }
    spare_ = open_spare();
    pause();
}

void Acceptor::pause() {
    pause_.expires_after(kPause);
    pause_.async_wait([this](const boost::system::error_code& error) {
        if (!error) accept_waiting();
    });
}

}  // namespace madang::net
