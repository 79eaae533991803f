// One client's WebSocket: operations in, replies and events out, all of it through one outbound queue.
//
// Owner and thread: as Connection, on the loop of its user's engine. Idle it holds no buffer at all.
// Limits, and the act at the maximum:
//   a message of Limits::frame_bytes                     closed with 1009
//   Limits::send_queue_bytes not taken by the reader     closed with 4002; catch-up pages do not count, and one event of any size may go
//                                                        out when nothing else waits
//   half of it                                           signals are dropped
//   kInFlightMax requests without their replies          reading pauses until half of them are answered
//   the token's expiry                                   closed with 4001
//   Limits::offline_after without a frame                closed with 4008; a ping goes out after half of it
//   a drain                                              what was accepted is answered, within kCloseWait; then closed with 1012
//   kCloseWait for the peer to take the close frame      cut off (kSlowCloseWait for a slow consumer, who has much to read before it)
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "net/connection.hpp"
#include "net/core.hpp"
#include "net/ws_codec.hpp"
#include "wire/client_frame.hpp"

namespace madang::net {

struct Upgraded;

class WebSocketSession final : public Connection, public SessionSink, private WsReceiver {
  public:
    static constexpr std::size_t kInFlightMax = 256;
    static constexpr Tick kCloseWait{5'000};
    static constexpr Tick kSlowCloseWait{30'000};

    WebSocketSession(Gateway& gateway, Socket socket, const Upgraded& upgraded);

    // Tells the engine, sends the answer to the handshake and takes what the client sent behind it. Instead of start().
    void begin(std::string_view answer, std::string& received);

    void on_attached(Cursor cursor) override;
    void on_event(Cursor cursor, Role role, const EntryPtr& entry) override;
    void on_page(std::span<const Event> events) override;
    void on_signal(const Signal& signal) override;
    void on_resync(const ResyncRequired& why) override;
    void on_close(CloseCode code) override;

    void on_drain(std::chrono::milliseconds goaway_after, std::chrono::milliseconds grace) override;
    void on_stop() override;
    void on_time(Tick now) override;

  private:
    enum class State { open, closing, ended };  // closing: our close frame is queued; ended: it has been handed over

    void on_bytes(std::span<char> bytes) override;
    void on_end() override { shut(); }
    void before_flush() override { end_events_frame(); }
    void on_sent() override;
    void on_shut() override;

    bool on_text(std::string_view text) override;
    bool on_ping(std::string_view payload) override;
    bool on_pong() override { return true; }
    void on_close_frame(std::uint16_t code) override;

    void handle(wire::ClientFrame frame);
    void send(std::string ref, wire::SendOp op);
    void write(std::string ref, Request request, std::size_t text_bytes);
    void read(std::string ref, const wire::ReadOp& op);
    void do_quietly(std::string ref, Request request);
    void attach(std::string ref, const wire::AttachOp& op);
    void submit_next_attach();
    void attach_answered();
    template <typename Reply>
    void ask(Request request, Reply reply);
    void refuse(std::string_view ref, const Error& error);
    void began_request();
    void ended_request();

    // A frame that counts for 4002. Answers false, and the session is closing, when there is no room.
    bool make_room(std::size_t bytes);
    void say(std::string_view json);
    void say_control(WsOpcode opcode, std::string_view payload);
    void end_events_frame();
    std::size_t unsent_live_bytes() const;

    void close(std::uint16_t code, std::string_view reason);
    void detach();
    void leave(Tick now);
    void leave_if_answered();
    void watch_silence();

    Actor actor_;
    SessionId session_;
    WsDecoder decoder_;
    State state_ = State::open;
    bool is_loopback_ = false;
    bool is_pinged_ = false;
    bool is_attaching_ = false;
    bool owes_drained_ = false;
    bool is_detached_ = false;
    bool is_paused_ = false;
    bool is_leaving_ = false;  // nothing more is accepted; closed when all that was is answered
    std::uint16_t in_flight_ = 0;
    Tick heard_at_{};
    Time expires_at_;
    std::optional<Tick> goes_at_;                                           // told to go away until then, real time
    std::uint64_t page_end_ = 0;                                            // of the last catch-up page, in bytes since the start
    std::string events_;                                                    // of this turn: the inside of the frame that is being made
    std::unique_ptr<std::deque<std::pair<std::string, Attach>>> attaches_;  // the first one is under way
};

}  // namespace madang::net
