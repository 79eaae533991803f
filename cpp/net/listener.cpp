#include "net/listener.hpp"

#include <span>
#include <utility>

#include "net/acceptor.hpp"
#include "net/gateway.hpp"

namespace madang::net {

class Listener::State {
  public:
    State(std::vector<LoopRef> loops, ListenOptions options)
        : options_(std::move(options)), origins_(options_.origins), first_loop_(loops.at(0).context) {
        for (std::uint32_t i = 0; i < loops.size(); ++i) gateways_.push_back(std::make_unique<Gateway>(i, loops[i], origins_));
        const std::size_t engines = options_.engines == 0 ? loops.size() : options_.engines;
        MADANG_ASSERT(engines <= loops.size());
        for (const auto& gateway : gateways_) gateway->set_owners(std::span{gateways_}.first(engines));
        acceptor_ = std::make_unique<Acceptor>(first_loop_, gateways_[0]->figures(),
                                               [this](int socket, bool is_loopback) { hand_on(socket, is_loopback); });
    }

    Result<std::uint16_t> listen() {
        const auto port = acceptor_->open(options_);
        if (!port) return port;
        for (const auto& gateway : gateways_) gateway->start();
        gateways_[0]->post([this] { acceptor_->start(); });
        return port;
    }

    void look_at_clock() {
        for (const auto& gateway : gateways_) gateway->post([&gateway = *gateway] { gateway.look_at_clock(); });
    }

    void drain(std::chrono::milliseconds grace) {
        gateways_[0]->post([this] { acceptor_->close(); });
        for (const auto& gateway : gateways_) gateway->post([&gateway = *gateway, grace] { gateway.drain(grace); });
    }

    void stop() {
        gateways_[0]->post([this] { acceptor_->close(); });
        for (const auto& gateway : gateways_) gateway->post([&gateway = *gateway] { gateway.stop(); });
    }

    ListenerFigures figures() const {
        ListenerFigures sum;
        for (const auto& gateway : gateways_) {
            const auto& each = gateway->figures();
            sum.http_connections += each.http_connections.get();
            sum.websockets += each.websockets.get();
            sum.accepted += each.accepted.get();
            sum.refused += each.refused.get();
            sum.requests += each.requests.get();
            sum.request_errors += each.request_errors.get();
            sum.frames_in += each.frames_in.get();
            sum.frames_out += each.frames_out.get();
            sum.bytes_in += each.bytes_in.get();
            sum.bytes_out += each.bytes_out.get();
            sum.slow_consumers += each.slow_consumers.get();
            sum.heartbeats_lost += each.heartbeats_lost.get();
            sum.bad_frames += each.bad_frames.get();
            sum.signals_dropped += each.signals_dropped.get();
        }
        return sum;
    }

  private:
    void hand_on(int socket, bool is_loopback) { gateways_[next_++ % gateways_.size()]->adopt(socket, is_loopback); }

    ListenOptions options_;
    Origins origins_;
    boost::asio::io_context& first_loop_;
    std::vector<std::unique_ptr<Gateway>> gateways_;
    std::unique_ptr<Acceptor> acceptor_;
    std::size_t next_ = 0;  // the loop for the next socket
};

Listener::Listener(std::vector<LoopRef> loops, ListenOptions options)
    : state_(std::make_unique<State>(std::move(loops), std::move(options))) {}
Listener::~Listener() = default;

Result<std::uint16_t> Listener::listen() { return state_->listen(); }
void Listener::look_at_clock() { state_->look_at_clock(); }
void Listener::drain(std::chrono::milliseconds grace) { state_->drain(grace); }
void Listener::stop() { state_->stop(); }
ListenerFigures Listener::figures() const { return state_->figures(); }

}  // namespace madang::net
