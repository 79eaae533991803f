#include "net/gateway.hpp"

#include <utility>

#include <unistd.h>

#include <boost/asio/post.hpp>

#include "net/http_connection.hpp"
#include "net/websocket_session.hpp"

namespace madang::net {
namespace {

constexpr int kStepsPerSweep = 20;  // of the wheels: once a second

Tick steady_now() { return std::chrono::duration_cast<Tick>(std::chrono::steady_clock::now().time_since_epoch()); }

}  // namespace

Gateway::Gateway(std::uint32_t index, LoopRef loop, const Origins& origins)
    : index_(index),
      loop_(loop),
      origins_(origins),
      rates_(loop.core.limits()),
      real_wheel_(steady_now()),
      clock_wheel_(loop.core.clock().tick()),
      timer_(loop.context) {}

Gateway::~Gateway() {
    stop();
    due_.clear();
}

Tick Gateway::real_now() const { return steady_now(); }

void Gateway::post(std::move_only_function<void()> job) { boost::asio::post(loop_.context, std::move(job)); }

void Gateway::adopt(int socket, bool is_loopback) {
    post([this, socket, is_loopback] {
        if (is_draining_) {
            ::close(socket);
            return;
        }
        std::make_shared<HttpConnection>(*this, make_socket(loop_.context, socket), is_loopback)->start();
    });
}

void Gateway::move_to_owner(Upgraded upgraded) {
    auto& owner = *owners_[owner_of(slot_of(upgraded.actor.user), static_cast<unsigned>(owners_.size()))];
    if (&owner == this) return take(std::move(upgraded));
    owner.post([&owner, upgraded = std::move(upgraded)]() mutable { owner.take(std::move(upgraded)); });
}

void Gateway::take(Upgraded upgraded) {
    if (is_stopped_) {
        ::close(upgraded.socket);
        return;
    }
    auto socket = make_socket(loop_.context, upgraded.socket);
    const auto session = std::make_shared<WebSocketSession>(*this, std::move(socket), upgraded);
    session->begin(upgraded.answer, upgraded.received);
    if (is_draining_)
        session->on_drain(std::chrono::milliseconds{0}, std::chrono::milliseconds{0});  // it was on its way when the drain began
}

void Gateway::start() {
    post([this] { watch_deadlines(); });
}

void Gateway::watch_deadlines() {
    timer_.expires_after(TimerWheel::kStep);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error || is_stopped_) return;
        real_wheel_.turn(real_now());
        look_at_clock();
        if (++steps_ % kStepsPerSweep == 0) rates_.sweep(clock_now());
        watch_deadlines();
    });
}

void Gateway::look_at_clock() {
    if (!is_stopped_) clock_wheel_.turn(clock_now());
}

template <typename Visit>
void Gateway::for_each_connection(Visit visit) {
    // Visiting may end the connection, or another one.
    std::vector<std::shared_ptr<Connection>> all;
    for (auto& connection : connections_) all.push_back(connection.shared_from_this());
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i]->is_open()) visit(*all[i], i, all.size());
}

void Gateway::drain(std::chrono::milliseconds grace) {
    is_draining_ = true;
    for_each_connection([&](Connection& connection, std::size_t i, std::size_t count) {
        // Spread, so that they do not all knock at the next server in the same moment.
        connection.on_drain(grace * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(count), grace);
    });
}

void Gateway::stop() {
    if (std::exchange(is_stopped_, true)) return;
    is_draining_ = true;
    timer_.cancel();
    for_each_connection([](Connection& connection, std::size_t, std::size_t) { connection.on_stop(); });
}

void Gateway::flush_at_turn_end(std::shared_ptr<Connection> connection) {
    due_.push_back(std::move(connection));
    if (std::exchange(is_flush_asked_, true)) return;
    loop_.core.at_turn_end([this] { flush_due(); });
}

void Gateway::flush_due() {
    // A socket found broken on the way comes back into the list.
    while (!due_.empty())
        for (const auto& connection : std::exchange(due_, {})) connection->flush();
    is_flush_asked_ = false;
    events_.clear();
}

}  // namespace madang::net
