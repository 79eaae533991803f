#include "net/connection.hpp"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "base/result.hpp"
#include "net/gateway.hpp"

namespace madang::net {
namespace {

// One connection that sends without end lets the others of its loop have their turn after so many reads.
constexpr int kReadsInARow = 4;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Socket make_socket(boost::asio::io_context& loop, int descriptor) {
    // The protocol only matters to calls that are never made here, so IPv4 stands for both.
    return Socket{loop.get_executor(), boost::asio::ip::tcp::v4(), descriptor};
}

Connection::Connection(Gateway& gateway, Socket socket) : gateway_(gateway), socket_(std::move(socket)) {}

Connection::~Connection() = default;

void Connection::start() {
    self_ = shared_from_this();
    gateway_.add(*this);
    await_readable();
}

void Connection::shut() {
    const auto self = std::exchange(self_, nullptr);
    if (self == nullptr) return;
    Timed::unlink();
    GatewayHook::unlink();
    boost::system::error_code ignored;
    socket_.close(ignored);
    sending_ = {};
    waiting_ = {};
    sending_at_ = 0;
    on_shut();
}

std::string Connection::take_unsent() {
    auto unsent = sending_.substr(sending_at_) + waiting_;
    sending_ = {};
    waiting_ = {};
    sending_at_ = 0;
    return unsent;
}

int Connection::release_socket() {
    const auto self = std::exchange(self_, nullptr);
    MADANG_ASSERT(self != nullptr);
    Timed::unlink();
    GatewayHook::unlink();
    boost::system::error_code failed;
    const int socket = socket_.release(failed);
    MADANG_ASSERT(!failed);
    return socket;
}

void Connection::set_reading(bool reads) {
    reads_ = reads;
    if (reads) await_readable();
}

void Connection::end_sending() { ::shutdown(socket_.native_handle(), SHUT_WR); }

void Connection::await_readable() {
    if (!reads_ || is_reading_ || is_at_end_ || is_broken_ || !is_open()) return;
    is_reading_ = true;
    socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
        self->is_reading_ = false;
        if (!error) self->on_readable();
    });
}

void Connection::on_readable() {
    const auto buffer = gateway_.read_buffer();
    for (int i = 0; i < kReadsInARow && reads_ && is_open(); ++i) {
        const auto size = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0) {
            if (errno == EINTR) continue;
            if (would_block(errno)) break;
            return shut();
        }
        if (size == 0) {
            is_at_end_ = true;
            return on_end();
        }
        const auto count = static_cast<std::size_t>(size);
        gateway_.figures().bytes_in.add(count);
        on_bytes(buffer.first(count));
        if (count < buffer.size()) break;
    }
    await_readable();
}

void Connection::send_soon() {
    if (is_due_ || !is_open()) return;
    is_due_ = true;
    gateway_.flush_at_turn_end(shared_from_this());
}

void Connection::flush() {
    is_due_ = false;
    if (!is_open()) return;
    if (is_broken_) return shut();
    send_now();
}

void Connection::send_now() {
    before_flush();
    while (!is_writing_ && !is_broken_) {
        if (sending_at_ == sending_.size()) {
            sending_ = std::exchange(waiting_, {});
            sending_at_ = 0;
            if (sending_.empty()) break;
        }
        const auto sent =
            ::send(socket_.native_handle(), sending_.data() + sending_at_, sending_.size() - sending_at_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) {
            sending_at_ += static_cast<std::size_t>(sent);
            handed_ += static_cast<std::size_t>(sent);
            gateway_.figures().bytes_out.add(static_cast<std::size_t>(sent));
        } else if (would_block(errno)) {
            await_writable();
        } else if (errno != EINTR) {
            on_broken();
        }
    }
    if (!is_broken_) on_sent();
}

void Connection::await_writable() {
    is_writing_ = true;
    socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
        self->is_writing_ = false;
        if (!error) self->flush();
    });
}

void Connection::on_broken() {
    is_broken_ = true;
    send_soon();
}

}  // namespace madang::net
