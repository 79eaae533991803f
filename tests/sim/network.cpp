#include "network.hpp"

namespace madang::sim {

// ---- the client's side ----------------------------------------------------------------------------------------------------------------

std::uint64_t Network::begin(Request request, std::optional<SessionId> session, OnAnswer on_answer) {
    const auto call = ++last_call_;
    context_.trace.note("ask", call, request.index(), session ? session->value : 0);
    calls_.emplace(call, Call{model_.on_asked(std::move(request), session), session, std::move(on_answer)});
    const auto* sync = std::get_if<Sync>(&calls_.at(call).asked.request);
    // At rest nothing is lost: whoever is there to answer does, in his time.
    const bool is_up = process_ && !is_draining_;
    const bool must_answer = context_.calm && is_up && !session;
    const auto patience = (context_.calm && is_up ? std::max(context_.plan.timeout, Micros{20s}) : context_.plan.timeout) +
                          (sync ? Micros{sync->wait} : Micros{0});
    context_.schedule.after(patience, [this, call, must_answer, life = life_] {
        if (give_up(call) && must_answer && life == life_) throw Violation("a question at rest is not answered");
    });
    return call;
}

void Network::http(Request request, OnAnswer on_answer) {
    const auto call = begin(std::move(request), std::nullopt, std::move(on_answer));
    if (!process_ || context_.fault(context_.plan.lost)) return;
    context_.schedule.after(context_.latency(context_.plan.latency_max), [this, call, life = life_] {
        if (!process_ || is_draining_ || life != life_) return;
        arrive(call, static_cast<std::uint32_t>(context_.dice.below(process_->engines())));
    });
}

std::optional<SessionId> Network::open(Endpoint& endpoint, const Actor& actor) {
    if (!process_ || is_draining_) return std::nullopt;
    const SessionId session{++last_session_};
    auto& socket = sockets_[session];
    socket.endpoint = &endpoint;
    socket.actor = actor;
    socket.gateway = process_->owner(actor.user);
    socket.heard = context_.schedule.clock().tick();
    context_.trace.note("open", session.value, actor.user.value, socket.gateway);
    up(session, [this, session](Socket& open) { process_->submit({open.gateway, 0}, Connect{session, open.gateway, open.actor}); });
    return session;
}

void Network::close(SessionId session) {
    auto& socket = sockets_.at(session);
    socket.endpoint = nullptr;
    if (!socket.server_open) return drop_if_closed(session);
    context_.schedule.after(context_.latency(context_.plan.latency_max), [this, session] { detach(session); });
}

void Network::frame(SessionId session, Request request, OnAnswer on_answer) {
    const auto call = begin(std::move(request), session, std::move(on_answer));
    up(session, [this, call](Socket& socket) { arrive(call, socket.gateway); });
}

void Network::post(SessionId session, Request request) {
    up(session, [this, request = std::move(request)](Socket& socket) mutable {
        model_.on_heard(socket.actor.user, std::holds_alternative<Attach>(request));
        process_->submit({socket.gateway, 0}, std::move(request));
    });
}

void Network::up(SessionId session, std::move_only_function<void(Socket&)> arrival) {
    auto& socket = sockets_.at(session);
    socket.up_free = std::max(socket.up_free, context_.schedule.now() + context_.latency(context_.plan.latency_max));
    context_.schedule.after(socket.up_free - context_.schedule.now(), [this, session, arrival = std::move(arrival)]() mutable {
        const auto found = sockets_.find(session);
        if (found == sockets_.end() || !found->second.server_open) return;
        found->second.heard = context_.schedule.clock().tick();
        model_.on_heard(found->second.actor.user, false);
        arrival(found->second);
    });
    if (context_.fault(context_.plan.cut)) break_socket(session);
}

void Network::arrive(std::uint64_t call, std::uint32_t gateway) {
    const auto found = calls_.find(call);
    if (found == calls_.end()) return;
    found->second.at_server = true;
    ++waiting_at_server_;
    process_->submit({gateway, call}, found->second.asked.request);
}

bool Network::give_up(std::uint64_t call) {
    const auto found = calls_.find(call);
    if (found == calls_.end()) return false;
    auto lost = std::exchange(found->second.on_answer, {});
    if (!lost) return false;
    context_.trace.note("no answer", call);
    lost(std::nullopt);
    return true;
}

void Network::finish(std::uint64_t call, std::optional<Result<Response>> answer) {
    const auto found = calls_.find(call);
    if (found == calls_.end()) return;
    auto done = std::exchange(found->second.on_answer, {});
    calls_.erase(found);
    if (done) done(std::move(answer));
}

// ---- breaking -------------------------------------------------------------------------------------------------------------------------

// The client notices at some moment, the server at another: until then frames and requests on the way still arrive.
void Network::break_socket(SessionId session) {
    context_.trace.note("break", session.value);
    context_.schedule.after(context_.latency(context_.plan.latency_max), [this, session] {
        const auto found = sockets_.find(session);
        if (found == sockets_.end() || !found->second.endpoint) return;
        auto* endpoint = std::exchange(found->second.endpoint, nullptr);
        std::vector<std::uint64_t> lost;
        for (const auto& [number, call] : calls_)
            if (call.session == session) lost.push_back(number);
        for (const auto number : lost) give_up(number);
        endpoint->on_closed();
        drop_if_closed(session);
    });
    context_.schedule.after(context_.dice.between(Micros{50}, Micros{400ms}), [this, session] { detach(session); });
}

void Network::detach(SessionId session) {
    const auto found = sockets_.find(session);
    if (found == sockets_.end() || !found->second.server_open) return;
    found->second.server_open = false;
    context_.trace.note("detach", session.value, found->second.actor.user.value);
    process_->submit({found->second.gateway, 0}, Detach{session, found->second.actor.user, found->second.heard});
    drop_if_closed(session);
}

void Network::drop_if_closed(SessionId session) {
    const auto found = sockets_.find(session);
    if (found != sockets_.end() && !found->second.endpoint && !found->second.server_open) sockets_.erase(found);
}

void Network::on_drain() {
    is_draining_ = true;
    std::vector<SessionId> open;
    for (const auto& [session, socket] : sockets_)
        if (socket.server_open) open.push_back(session);
    for (const auto session : open) break_socket(session);
}

void Network::on_crash() {
    process_ = nullptr;
    ++life_;
    waiting_at_server_ = 0;
    for (auto at = calls_.begin(); at != calls_.end();) {
        at->second.at_server = false;
        at = at->second.on_answer ? std::next(at) : calls_.erase(at);
    }
    std::vector<SessionId> open;
    for (auto& [session, socket] : sockets_)
        if (std::exchange(socket.server_open, false)) open.push_back(session);
    for (const auto session : open) break_socket(session);
    std::erase_if(sockets_, [](const auto& entry) { return !entry.second.endpoint; });
}

bool Network::has_open_sockets() const {
    return std::ranges::any_of(sockets_, [](const auto& each) { return each.second.server_open; });
}

// ---- the server's side ----------------------------------------------------------------------------------------------------------------

void Network::down(SessionId session, std::move_only_function<void(Endpoint&)> arrival) {
    auto& socket = sockets_.at(session);
    socket.down_free = std::max(socket.down_free, context_.schedule.now() + context_.latency(context_.plan.latency_max));
    context_.schedule.after(socket.down_free - context_.schedule.now(), [this, session, arrival = std::move(arrival)]() mutable {
        const auto found = sockets_.find(session);
        if (found != sockets_.end() && found->second.endpoint) arrival(*found->second.endpoint);
    });
    if (context_.fault(context_.plan.cut)) break_socket(session);
}

void Network::on_reply(Reply reply) {
    const auto number = reply.to.request;
    const auto found = calls_.find(number);
    if (found == calls_.end() || !found->second.at_server) throw Violation("an answer to what nobody asked, or a second one");
    auto& call = found->second;
    call.at_server = false;
    --waiting_at_server_;
    context_.trace.note("answer", number, reply.response ? 0 : 1 + static_cast<std::uint64_t>(reply.response.error().code));
    model_.on_answer(call.asked, reply.response);
    if (!call.on_answer) return void(calls_.erase(found));
    if (call.session) {
        const auto socket = sockets_.find(*call.session);
        if (socket == sockets_.end() || !socket->second.server_open) return;
        return down(*call.session,
                    [this, number, response = std::move(reply.response)](Endpoint&) mutable { finish(number, std::move(response)); });
    }
    if (context_.fault(context_.plan.lost)) return;
    context_.schedule.after(context_.latency(context_.plan.latency_max),
                            [this, number, response = std::move(reply.response)]() mutable { finish(number, std::move(response)); });
}

void Network::on_page(Events page) {
    const auto found = sockets_.find(page.to.session);
    if (page.events.empty()) throw Violation("an empty page of events");
    if (found == sockets_.end() || !found->second.server_open) return;
    const auto user = found->second.actor.user;
    for (const auto& event : page.events) model_.on_event(user, event, page.to.session);
    const bool answers = page.catch_up;
    const auto session = page.to.session;
    down(session, [events = std::move(page.events)](Endpoint& endpoint) { endpoint.on_events(events); });
    if (!answers) return;
    const auto late = context_.fault(context_.plan.slow_drain) ? Micros{900ms} : Micros{2ms};
    context_.schedule.after(context_.dice.between(Micros{5}, late), [this, session] {
        const auto open = sockets_.find(session);
        if (open == sockets_.end() || !open->second.server_open) return;
        process_->submit({open->second.gateway, 0}, Drained{session, open->second.actor.user});
    });
}

void Network::on_delivery(const Delivery& delivery) {
    for (const auto& to : delivery.to) {
        const auto found = sockets_.find(to.session);
        if (found == sockets_.end() || !found->second.server_open) continue;
        const Event event{to.cursor, to.role, delivery.entry};
        model_.on_live(found->second.actor.user, event);
        model_.on_event(found->second.actor.user, event, to.session);
        down(to.session, [events = std::vector{event}](Endpoint& endpoint) { endpoint.on_events(events); });
    }
}

// Some are dropped, as by a socket whose queue is half full.
void Network::on_signalling(const Signalling& signalling) {
    for (const auto& to : signalling.to) {
        const auto found = sockets_.find(to.session);
        if (found == sockets_.end() || !found->second.server_open) continue;
        model_.on_signal(found->second.actor.user, signalling.signal, to.session);
        if (context_.fault(context_.plan.signal_dropped)) continue;
        down(to.session, [signal = signalling.signal](Endpoint& endpoint) { endpoint.on_signal(signal); });
    }
}

void Network::on_effect(EngineIndex from, Effect effect) {
    const auto server_end = [&](SessionId session) {
        const auto found = sockets_.find(session);
        return found != sockets_.end() && found->second.server_open;
    };
    if (auto* reply = std::get_if<Reply>(&effect)) return on_reply(std::move(*reply));
    if (auto* page = std::get_if<Events>(&effect)) return on_page(std::move(*page));
    if (const auto* delivery = std::get_if<Delivery>(&effect)) return on_delivery(*delivery);
    if (const auto* signalling = std::get_if<Signalling>(&effect)) return on_signalling(*signalling);
    if (const auto* attached = std::get_if<Attached>(&effect); attached && server_end(attached->session)) {
        context_.trace.note("attached", from, attached->session.value, attached->cursor.value);
        down(attached->session, [tail = attached->cursor](Endpoint& endpoint) { endpoint.on_attached(tail); });
    }
    if (const auto* resync = std::get_if<Resync>(&effect); resync && server_end(resync->session)) {
        context_.trace.note("resync", from, resync->session.value, resync->why.cursor.value);
        down(resync->session, [why = resync->why](Endpoint& endpoint) { endpoint.on_resync(why); });
    }
    if (const auto* close = std::get_if<CloseSocket>(&effect); close && server_end(close->session)) {
        context_.trace.note("close", from, close->session.value, static_cast<std::uint64_t>(close->code));
        down(close->session, [code = close->code](Endpoint& endpoint) { endpoint.on_close_code(code); });
        break_socket(close->session);
    }
}

}  // namespace madang::sim
