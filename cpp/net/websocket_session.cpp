#include "net/websocket_session.hpp"

#include <algorithm>
#include <utility>

#include "net/gateway.hpp"
#include "net/resync_words.hpp"
#include "wire/answers.hpp"
#include "wire/events.hpp"
#include "wire/held.hpp"
#include "wire/objects.hpp"

namespace madang::net {
namespace {

// A frame of events is ended when it gets this large: many clients take no message over 1 MiB.
constexpr std::size_t kEventsFrameBytes = 128 << 10;
constexpr std::size_t kEventOverhead = 64;  // cursor, braces and the frame around an event

constexpr std::uint16_t kNormal = 1000, kGoingAway = 1001, kRestart = 1012;
constexpr std::uint16_t kSlowConsumer = 4002, kBadFrame = 4004, kHeartbeatLost = 4008;

std::string_view reason_of(CloseCode code) {
    switch (code) {
        case CloseCode::internal_error: return "internal error";
        case CloseCode::unauthenticated: return "unauthenticated";
        case CloseCode::session_revoked: return "session revoked";
    }
    return {};
}

}  // namespace

WebSocketSession::WebSocketSession(Gateway& gateway, Socket socket, const Upgraded& upgraded)
    : Connection(gateway, std::move(socket)),
      actor_(upgraded.actor),
      decoder_(gateway.core().limits().frame_bytes),
      is_loopback_(upgraded.is_loopback),
      heard_at_(gateway.clock_now()),
      expires_at_(upgraded.expires_at) {}

void WebSocketSession::begin(std::string_view answer, std::string& received) {
    gateway().figures().websockets.add();
    session_ = gateway().core().open_session(*this);
    gateway().core().submit(Connect{session_, gateway().index(), actor_});
    start();
    queue() += answer;
    send_soon();
    watch_silence();
    if (!received.empty()) on_bytes(received);
}

// ---- in -----------------------------------------------------------------------------------------------------------------------------

void WebSocketSession::on_bytes(std::span<char> bytes) {
    if (state_ != State::open || is_leaving_) return;  // read and dropped, so that the close frame is not lost to a reset
    heard_at_ = gateway().clock_now();
    is_pinged_ = false;
    if (const auto violation = decoder_.feed(bytes, *this)) {
        if (violation->code == kBadFrame) gateway().figures().bad_frames.add();
        close(violation->code, violation->reason);
    }
}

bool WebSocketSession::on_text(std::string_view text) {
    gateway().figures().frames_in.add();
    auto frame = wire::parse_client_frame(text);
    if (frame) {
        handle(*std::move(frame));
    } else {
        gateway().figures().bad_frames.add();
        close(kBadFrame, "bad frame");
    }
    return state_ == State::open;
}

bool WebSocketSession::on_ping(std::string_view payload) {
    say_control(WsOpcode::pong, payload);
    return state_ == State::open;
}

void WebSocketSession::on_close_frame(std::uint16_t code) { close(code == kNoCloseCode ? kNormal : code, ""); }

void WebSocketSession::handle(wire::ClientFrame frame) {
    auto& ref = frame.ref;
    if (auto* op = std::get_if<wire::SendOp>(&frame.op)) return send(std::move(ref), std::move(*op));
    if (auto* op = std::get_if<wire::EditOp>(&frame.op)) {
        const auto bytes = op->text.size();
        return write(std::move(ref), EditMessage{actor_, op->conversation, op->seq, std::move(op->text)}, bytes);
    }
    if (const auto* op = std::get_if<wire::DeleteOp>(&frame.op))
        return write(std::move(ref), DeleteMessage{actor_, op->conversation, op->seq}, 0);
    if (const auto* op = std::get_if<wire::ReadOp>(&frame.op)) return read(std::move(ref), *op);
    if (const auto* op = std::get_if<wire::AckOp>(&frame.op)) return do_quietly(std::move(ref), Acknowledge{actor_, op->cursor});
    if (auto* op = std::get_if<wire::WatchOp>(&frame.op)) return do_quietly(std::move(ref), Watch{actor_, session_, std::move(op->users)});
    if (const auto* op = std::get_if<wire::TypingOp>(&frame.op)) return do_quietly(std::move(ref), Typing{actor_, op->conversation});
    if (const auto* op = std::get_if<wire::AttachOp>(&frame.op)) return attach(std::move(ref), *op);
    if (const auto* op = std::get_if<wire::RefusedOp>(&frame.op)) {
        if (!op->only_with_ref || !ref.empty()) refuse(ref, op->error);
        return;
    }
    std::string json;
    wire::append_pong(json, ref);
    say(json);
}

template <typename Reply>
void WebSocketSession::ask(Request request, Reply reply) {
    began_request();
    auto weak = std::weak_ptr{std::static_pointer_cast<WebSocketSession>(shared_from_this())};
    gateway().core().submit(std::move(request), [weak = std::move(weak), reply = std::move(reply)](Result<Response> response) {
        const auto self = weak.lock();
        if (!self || !self->is_open()) return;
        self->ended_request();
        if (self->state_ == State::open) reply(*self, std::move(response));
        self->leave_if_answered();
    });
}

void WebSocketSession::send(std::string ref, wire::SendOp op) {
    const auto bytes = op.text.size();
    write(std::move(ref), Send{actor_, op.conversation, op.peer, std::move(op.client_id), std::move(op.text)}, bytes);
}

// A send, an edit or a deletion: what makes an entry and is answered with a message.
void WebSocketSession::write(std::string ref, Request request, std::size_t text_bytes) {
    const auto& limits = gateway().core().limits();
    if (!is_loopback_ || !limits.loopback_exempt) {
        if (const auto wait = gateway().rates().take(actor_.user, text_bytes, gateway().clock_now()))
            return refuse(ref, {Code::rate_limited, "too many sends", *wait});
    }
    ask(std::move(request), [ref = std::move(ref)](WebSocketSession& self, const Result<Response>& response) {
        if (!response) return self.refuse(ref, response.error());
        std::string json;
        if (const auto* held = std::get_if<Held>(&*response)) {
            std::string members;
            wire::append_held(members, held->id, held->client_id, held->reason);
            wire::append_held_reply(json, ref, members);
            return self.say(json);
        }
        wire::append_message_reply(json, ref, self.gateway().events().message(std::get<Sent>(*response).entry));
        self.say(json);
    });
}

void WebSocketSession::read(std::string ref, const wire::ReadOp& op) {
    ask(MarkRead{actor_, op.conversation, op.seq}, [ref = std::move(ref)](WebSocketSession& self, const Result<Response>& response) {
        if (!response) return self.refuse(ref, response.error());
        const auto& state = std::get<ReadState>(*response);
        std::string members, json;
        wire::append_read_state(members, state.seq, state.unread, state.unread_mentions);
        wire::append_read_reply(json, ref, members);
        self.say(json);
    });
}

// What is answered only when it bears a ref.
void WebSocketSession::do_quietly(std::string ref, Request request) {
    ask(std::move(request), [ref = std::move(ref)](WebSocketSession& self, const Result<Response>& response) {
        if (ref.empty()) return;
        if (!response) return self.refuse(ref, response.error());
        std::string json;
        wire::append_reply(json, ref);
        self.say(json);
    });
}

// Attaches are served one after the other: the next one begins when the one before is answered and its page has left, so a client that only
// ever attaches holds one page of memory.
void WebSocketSession::attach(std::string ref, const wire::AttachOp& op) {
    began_request();
    if (attaches_ == nullptr) attaches_ = std::make_unique<std::deque<std::pair<std::string, Attach>>>();
    attaches_->emplace_back(std::move(ref), Attach{session_, actor_.user, op.cursor});
    if (!owes_drained_) submit_next_attach();
}

void WebSocketSession::submit_next_attach() {
    if (is_attaching_ || attaches_ == nullptr) return;
    is_attaching_ = true;
    gateway().core().submit(attaches_->front().second);
}

void WebSocketSession::began_request() {
    if (++in_flight_ < kInFlightMax || is_paused_) return;
    is_paused_ = true;
    set_reading(false);
}

void WebSocketSession::ended_request() {
    if (--in_flight_ > kInFlightMax / 2 || !is_paused_) return;
    is_paused_ = false;
    set_reading(true);
}

// ---- out ----------------------------------------------------------------------------------------------------------------------------

std::size_t WebSocketSession::unsent_live_bytes() const {
    const auto end = handed_bytes() + unsent_bytes();
    return static_cast<std::size_t>(end - std::min(end, std::max(handed_bytes(), page_end_))) + events_.size();
}

bool WebSocketSession::make_room(std::size_t bytes) {
    if (state_ != State::open) return false;
    const auto limit = gateway().core().limits().send_queue_bytes;
    if (unsent_live_bytes() + bytes <= limit) return true;
    // What gathered within this turn may well fit into the socket: only what the reader leaves there counts against it.
    send_now();
    if (const auto waiting = unsent_live_bytes(); waiting == 0 || waiting + bytes <= limit) return state_ == State::open;
    gateway().figures().slow_consumers.add();
    close(kSlowConsumer, "slow consumer");
    return false;
}

void WebSocketSession::say(std::string_view json) {
    if (!make_room(json.size())) return;
    end_events_frame();
    append_ws_frame(queue(), WsOpcode::text, json);
    gateway().figures().frames_out.add();
    send_soon();
}

void WebSocketSession::say_control(WsOpcode opcode, std::string_view payload) {
    if (!make_room(payload.size())) return;
    end_events_frame();
    append_ws_frame(queue(), opcode, payload);
    send_soon();
}

void WebSocketSession::refuse(std::string_view ref, const Error& error) {
    std::string json;
    wire::append_error_reply(json, ref, error);
    say(json);
}

void WebSocketSession::end_events_frame() {
    if (events_.empty()) return;
    append_ws_header(queue(), WsOpcode::text, wire::kEventsBegin.size() + events_.size() + wire::kEventsEnd.size());
    queue().append(wire::kEventsBegin).append(events_).append(wire::kEventsEnd);
    gateway().figures().frames_out.add();
    events_ = {};
}

void WebSocketSession::on_event(Cursor cursor, Role role, const EntryPtr& entry) {
    if (state_ != State::open) return;
    const auto body = gateway().events().body(entry, {actor_.user, role});
    if (!make_room(body.size() + kEventOverhead)) return;
    if (events_.size() + body.size() > kEventsFrameBytes) end_events_frame();
    if (!events_.empty()) events_ += ',';
    wire::append_event(events_, cursor, body);
    send_soon();
}

void WebSocketSession::on_page(std::span<const Event> events) {
    if (state_ != State::open) return;
    end_events_frame();
    for (const auto& event : events) {
        const auto body = gateway().events().body(event.entry, {actor_.user, event.role});
        if (events_.size() + body.size() > kEventsFrameBytes) end_events_frame();
        if (!events_.empty()) events_ += ',';
        wire::append_event(events_, event.cursor, body);
    }
    end_events_frame();
    page_end_ = handed_bytes() + unsent_bytes();
    owes_drained_ = true;
    send_soon();
}

void WebSocketSession::on_attached(Cursor cursor) {
    if (state_ != State::open || !is_attaching_) return;
    std::string json;
    wire::append_attached(json, attaches_->front().first, cursor);
    say(json);
    attach_answered();
}

void WebSocketSession::on_signal(const Signal& signal) {
    if (state_ != State::open) return;
    if (unsent_live_bytes() > gateway().core().limits().send_queue_bytes / 2) return gateway().figures().signals_dropped.add();
    say(gateway().events().signal(signal));
}

void WebSocketSession::on_resync(const ResyncRequired& why) {
    if (state_ != State::open) return;
    std::string json;
    wire::append_resync(json, hint_of(why));
    say(json);
    attach_answered();
}

void WebSocketSession::attach_answered() {
    if (!std::exchange(is_attaching_, false)) return;  // a resync may also come later, out of the middle of a catch-up
    attaches_->pop_front();
    if (attaches_->empty()) attaches_ = nullptr;
    ended_request();
    leave_if_answered();
    send_soon();  // on_sent goes on with the next one
}

void WebSocketSession::on_sent() {
    if (unsent_bytes() == 0 && state_ == State::closing) {
        state_ = State::ended;
        end_sending();  // and wait for the peer's end: it is the peer who has to read before the socket goes
        return;
    }
    if (state_ != State::open || handed_bytes() < page_end_) return;
    const bool page_has_left = std::exchange(owes_drained_, false);
    if (attaches_ != nullptr) return submit_next_attach();
    if (page_has_left) gateway().core().submit(Drained{session_, actor_.user});
}

// ---- the end ------------------------------------------------------------------------------------------------------------------------

void WebSocketSession::on_close(CloseCode code) { close(static_cast<std::uint16_t>(code), reason_of(code)); }

void WebSocketSession::close(std::uint16_t code, std::string_view reason) {
    if (state_ != State::open) return;
    detach();
    end_events_frame();
    // Whoever is slow gets to know why as soon as possible: what waits behind the write in flight is dropped, to be had again by a resume.
    if (code == kSlowConsumer) queue() = {};
    append_ws_close(queue(), code, reason);
    state_ = State::closing;
    is_paused_ = false;
    set_reading(true);
    gateway().real_wheel().schedule(*this, gateway().real_now() + (code == kSlowConsumer ? kSlowCloseWait : kCloseWait));
    send_soon();
}

void WebSocketSession::detach() {
    if (std::exchange(is_detached_, true)) return;
    gateway().core().submit(Detach{session_, actor_.user, heard_at_});
}

void WebSocketSession::on_shut() {
    detach();
    gateway().core().close_session(session_);
    gateway().figures().websockets.subtract();
    state_ = State::ended;
    events_ = {};
    attaches_ = nullptr;
}

void WebSocketSession::on_drain(std::chrono::milliseconds goaway_after, std::chrono::milliseconds grace) {
    if (state_ != State::open) return;
    std::string json;
    wire::append_goaway(json, goaway_after);
    say(json);
    if (state_ != State::open) return;
    goes_at_ = gateway().real_now() + Tick{grace.count()};
    gateway().real_wheel().schedule(*this, *goes_at_);
}

void WebSocketSession::on_stop() {
    close(kGoingAway, "going away");
    flush();
    shut();
}

void WebSocketSession::leave(Tick now) {
    if (in_flight_ == 0 || now >= *goes_at_ + kCloseWait) return close(kRestart, "restart");
    is_leaving_ = true;
    gateway().real_wheel().schedule(*this, *goes_at_ + kCloseWait);
}

void WebSocketSession::leave_if_answered() {
    if (is_leaving_ && in_flight_ == 0) close(kRestart, "restart");
}

void WebSocketSession::watch_silence() {
    const auto offline_after = gateway().core().limits().offline_after;
    const auto silent_at = heard_at_ + (is_pinged_ ? offline_after : offline_after / 2);
    const auto lifetime = std::chrono::ceil<Tick>(expires_at_ - gateway().core().clock().now());
    const auto now = gateway().clock_now();
    gateway().clock_wheel().schedule(*this, lifetime < silent_at - now ? now + lifetime : silent_at);
}

void WebSocketSession::on_time(Tick now) {
    if (state_ != State::open) return shut();
    if (goes_at_) {
        if (now >= *goes_at_) return leave(now);
        return gateway().real_wheel().schedule(*this, *goes_at_);
    }
    if (gateway().core().clock().now() >= expires_at_) return close(static_cast<std::uint16_t>(CloseCode::unauthenticated), "expired");
    const auto silence = now - heard_at_;
    const auto offline_after = gateway().core().limits().offline_after;
    if (silence >= offline_after) {
        gateway().figures().heartbeats_lost.add();
        return close(kHeartbeatLost, "heartbeat lost");
    }
    if (silence >= offline_after / 2 && !std::exchange(is_pinged_, true)) say_control(WsOpcode::ping, "");
    if (state_ == State::open) watch_silence();
}

}  // namespace madang::net
