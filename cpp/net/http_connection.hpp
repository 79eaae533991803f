// One connection while it speaks HTTP/1.1: requests are answered one at a time and in order, whatever the client sends ahead.
//
// Owner and thread: as Connection.
// Limits: header 16 KiB (else 431), body Limits::frame_bytes (else 413), kReadAheadBytesMax read beyond the request under way (then reading
// pauses), answers not yet taken Limits::send_queue_bytes (then the next request waits).
// Deadlines, real time: Limits::handshake_timeout for a header, once as much for a body and a second more for every 32 KiB of it, kIdleMax
// between requests, kStallMax for an answer that is not taken. At each the connection is closed.
#pragma once

#include <memory>
#include <string>

#include "net/call.hpp"
#include "net/connection.hpp"
#include "net/http_parser.hpp"

namespace madang::net {

class HttpConnection final : public Connection, public Responder {
  public:
    static constexpr std::size_t kReadAheadBytesMax = 64 << 10;
    static constexpr Tick kIdleMax{75'000};
    static constexpr Tick kStallMax{30'000};

    HttpConnection(Gateway& gateway, Socket socket, bool is_loopback);

    void respond(HttpAnswer answer) override;
    void upgrade(HttpAnswer answer, const Authenticated& who) override;

    void on_drain(std::chrono::milliseconds goaway_after, std::chrono::milliseconds grace) override;
    void on_stop() override { shut(); }
    void on_time(Tick now) override;

  private:
    // What the connection waits for, each with its own deadline.
    enum class Phase { idle, header, body, answering };

    void on_bytes(std::span<char> bytes) override;
    void on_end() override;
    void on_sent() override;
    void on_shut() override;

    void abandon();
    void advance();
    bool parse();
    void dispatch(HttpRequest request);
    void refuse_and_close(int status, const Error& error);
    void enter(Phase phase);
    Tick deadline() const;

    bool is_loopback_;
    Phase phase_ = Phase::idle;
    bool is_advancing_ = false;
    bool closes_ = false;     // after the answer under way
    bool is_ending_ = false;  // the last answer is on its way out
    bool has_ended_ = false;  // the peer sends no more
    bool is_head_ = false;    // of the request under way
    bool said_continue_ = false;
    std::size_t body_taken_ = 0;
    Tick since_{};  // when the phase began, or the queue last moved
    std::uint64_t handed_ = 0;
    std::string received_;  // not yet parsed
    std::string origin_;    // of the request under way, if it may read the answer
    std::unique_ptr<HttpParser> parser_;
    std::weak_ptr<Call> call_;  // under way
};

}  // namespace madang::net
