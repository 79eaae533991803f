#include "net/http_connection.hpp"

#include <algorithm>
#include <utility>

#include "net/gateway.hpp"
#include "net/routes.hpp"

namespace madang::net {
namespace {

constexpr std::size_t kBodyBytesPerSecond = 32 << 10;  // slower than this for long, and it is an attack, not a client
constexpr Tick kLinger{2'000};                         // for the last answer to be read

bool is_preflight(const HttpRequest& request) {
    return request.method == "OPTIONS" && !request.field("Access-Control-Request-Method").empty();
}

HttpAnswer preflight_answer() {
    return {204,
            {},
            {},
            {{"Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"},
             {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
             {"Access-Control-Max-Age", "600"}}};
}

}  // namespace

HttpConnection::HttpConnection(Gateway& gateway, Socket socket, bool is_loopback)
    : Connection(gateway, std::move(socket)), is_loopback_(is_loopback) {
    gateway.figures().http_connections.add();
    enter(Phase::header);  // who connects is to say something
}

// ---- reading ------------------------------------------------------------------------------------------------------------------------

void HttpConnection::on_bytes(std::span<char> bytes) {
    if (is_ending_) return;  // not a word is heard any more, but the socket is emptied so that closing it does not destroy the answer
    received_.append(bytes.data(), bytes.size());
    advance();
}

// Whoever waits for the answer need not any more. It is sent all the same, if that is possible.
void HttpConnection::abandon() {
    if (const auto call = std::exchange(call_, {}).lock()) call->abandon();
}

void HttpConnection::on_end() {
    has_ended_ = true;
    abandon();
    // Half a request will never be whole. One that is being answered gets its answer.
    if (phase_ != Phase::answering && unsent_bytes() == 0) shut();
}

void HttpConnection::advance() {
    if (std::exchange(is_advancing_, true)) return;
    const auto may_parse = [this] { return phase_ != Phase::answering && unsent_bytes() <= gateway().core().limits().send_queue_bytes; };
    while (is_open() && !is_ending_ && !received_.empty() && may_parse())
        if (!parse()) break;
    is_advancing_ = false;
    if (!is_open() || is_ending_) return;
    if (received_.empty()) received_ = {};
    set_reading(received_.size() < kReadAheadBytesMax || may_parse());
    if (has_ended_ && phase_ != Phase::answering && unsent_bytes() == 0) shut();
}

// One step; false = more bytes are needed.
bool HttpConnection::parse() {
    if (parser_ == nullptr) parser_ = std::make_unique<HttpParser>(gateway().core().limits().frame_bytes);
    if (phase_ == Phase::idle) enter(Phase::header);
    const auto progress = parser_->feed(received_);
    received_.erase(0, progress.taken);
    switch (progress.state) {
        case HttpParser::State::malformed: refuse_and_close(400, {Code::bad_request, "not a request of HTTP/1.1"}); return false;
        case HttpParser::State::header_too_large:
            refuse_and_close(431, {Code::too_large, "the header is larger than 16 KiB"});
            return false;
        case HttpParser::State::body_too_large: refuse_and_close(413, {Code::too_large, "the body is too large"}); return false;
        case HttpParser::State::needs_more: return false;
        case HttpParser::State::in_body:
            if (phase_ != Phase::body) enter(Phase::body);
            body_taken_ += progress.taken;
            if (!std::exchange(said_continue_, true) && parser_->expects_continue()) {
                queue() += "HTTP/1.1 100 Continue\r\n\r\n";
                send_soon();
            }
            return false;
        case HttpParser::State::done: break;
    }
    auto request = parser_->take_request();
    parser_ = nullptr;
    said_continue_ = false;
    enter(Phase::answering);
    dispatch(std::move(request));
    return true;
}

void HttpConnection::dispatch(HttpRequest request) {
    gateway().figures().requests.add();
    is_head_ = request.method == "HEAD";
    closes_ = closes_ || !request.keeps_alive || gateway().is_draining();
    origin_ = request.field("Origin");
    if (!origin_.empty() && !gateway().origins().allows(origin_, request.field("Host"))) origin_.clear();
    if (!origin_.empty() && is_preflight(request)) return respond(preflight_answer());
    const auto self = std::static_pointer_cast<HttpConnection>(shared_from_this());
    auto call = std::make_shared<Call>(Call::Surroundings{.core = gateway().core(),
                                                          .rates = gateway().rates(),
                                                          .origins = gateway().origins(),
                                                          .responder = self,
                                                          .is_loopback = is_loopback_,
                                                          .is_draining = gateway().is_draining()},
                                       std::move(request));
    call_ = call;
    if (has_ended_) abandon();
    route(std::move(call));
}

// ---- answering ----------------------------------------------------------------------------------------------------------------------

void HttpConnection::respond(HttpAnswer answer) {
    if (!is_open() || phase_ != Phase::answering) return;
    if (answer.status >= 400) gateway().figures().request_errors.add();
    if (!origin_.empty()) {
        answer.fields.emplace_back("Access-Control-Allow-Origin", std::exchange(origin_, {}));
        answer.fields.emplace_back("Vary", "Origin");
    }
    closes_ = closes_ || gateway().is_draining();
    append_answer(queue(), answer, {.closes = closes_, .is_head = is_head_, .now = gateway().core().clock().now()});
    is_ending_ = closes_;
    enter(Phase::idle);
    send_soon();
    if (is_ending_) {
        set_reading(!has_ended_);
    } else {
        advance();
    }
}

void HttpConnection::refuse_and_close(int status, const Error& error) {
    phase_ = Phase::answering;
    closes_ = true;
    is_head_ = false;
    // Not a request of anyone's: it goes the usual way, but is closed after.
    Call{{.core = gateway().core(),
          .rates = gateway().rates(),
          .origins = gateway().origins(),
          .responder = std::static_pointer_cast<HttpConnection>(shared_from_this()),
          .is_loopback = is_loopback_,
          .is_draining = gateway().is_draining()},
         {}}
        .refuse_as(status, error);
}

void HttpConnection::upgrade(HttpAnswer answer, const Authenticated& who) {
    if (!is_open() || phase_ != Phase::answering) return;
    Upgraded upgraded{.socket = -1,
                      .is_loopback = is_loopback_,
                      .actor = who.actor,
                      .expires_at = who.expires_at,
                      .answer = {},
                      .received = std::exchange(received_, {})};
    // Answers to earlier requests that the client has not taken yet go out before the 101.
    upgraded.answer = take_unsent();
    append_answer(upgraded.answer, answer, {.closes = false, .is_head = false, .now = gateway().core().clock().now()});
    upgraded.socket = release_socket();
    gateway().figures().http_connections.subtract();
    gateway().move_to_owner(std::move(upgraded));
}

void HttpConnection::on_sent() {
    if (handed_ != handed_bytes()) {
        handed_ = handed_bytes();
        if (phase_ == Phase::idle) since_ = gateway().real_now();
    }
    if (unsent_bytes() > 0) return;
    if (is_ending_) {
        // The client reads the answer to its end and closes; who does not is cut off.
        if (has_ended_) return shut();
        end_sending();
        gateway().real_wheel().schedule(*this, gateway().real_now() + kLinger);
        return;
    }
    advance();
}

void HttpConnection::on_shut() {
    abandon();
    gateway().figures().http_connections.subtract();
    parser_ = nullptr;
}

void HttpConnection::on_drain(std::chrono::milliseconds, std::chrono::milliseconds) {
    closes_ = true;
    if (phase_ != Phase::answering && unsent_bytes() == 0) shut();
}

// ---- deadlines ----------------------------------------------------------------------------------------------------------------------

void HttpConnection::enter(Phase phase) {
    phase_ = phase;
    since_ = gateway().real_now();
    body_taken_ = 0;
    gateway().real_wheel().schedule(*this, deadline());
}

Tick HttpConnection::deadline() const {
    const auto timeout = gateway().core().limits().handshake_timeout;
    switch (phase_) {
        case Phase::header: return since_ + timeout;
        case Phase::body: return since_ + timeout + Tick{static_cast<std::int64_t>(body_taken_ / kBodyBytesPerSecond * 1'000)};
        case Phase::idle: return since_ + (unsent_bytes() > 0 ? kStallMax : kIdleMax);
        case Phase::answering: break;
    }
    return Tick::max();
}

void HttpConnection::on_time(Tick now) {
    if (is_ending_ && unsent_bytes() == 0) return shut();
    if (phase_ == Phase::answering) return;  // the core answers in its own time
    const auto at = deadline();
    if (now >= at) return shut();
    gateway().real_wheel().schedule(*this, at);
}

}  // namespace madang::net
