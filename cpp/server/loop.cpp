#include "server/loop.hpp"

#include <utility>

#include <boost/asio/post.hpp>

#include "base/text.hpp"
#include "server/feeder.hpp"

namespace madang::server {
namespace {

// Session numbers bear the loop, so that they are unique in the process.
std::uint8_t session_prefix(std::uint32_t index) { return static_cast<std::uint8_t>(index + 1); }

bool is_long_poll(const Request& request) {
    const auto* sync = std::get_if<Sync>(&request);
    return sync != nullptr && sync->wait > Millis{0};
}

constexpr Millis kOverloadedRetry{1'000};

}  // namespace

Loop::Loop(std::uint32_t index, LoopServices& services, std::optional<EngineOptions> engine, const MakeCommitter& make_committer,
           bool commits_elsewhere)
    : index_(index),
      services_(services),
      sessions_(session_prefix(index)),
      parcels_(services.loop_count),
      context_(std::make_unique<boost::asio::io_context>(1)),
      tick_(*context_),
      deadline_(*context_) {
    if (!engine) return;
    engine_.emplace(*engine, services_.clock, services_.store);
    if (commits_elsewhere) {
        committer_ = make_committer({
            .durable = [this](Ticket ticket) { boost::asio::post(*context_, [this, ticket] { on_durable(ticket); }); },
            .lost = [this](Outcome outcome) { boost::asio::post(*context_, [this, outcome] { on_lost(outcome); }); },
        });
    } else {
        committer_ = make_committer({
            .durable = [this](Ticket ticket) { on_durable(ticket); },
            .lost = [this](Outcome outcome) { on_lost(outcome); },
        });
    }
}

Loop::~Loop() {
    // Connections live in the closures of what they wait for and in the context's handlers; dying they still call close_session.
    requests_.clear();
    password_waiters_.clear();
    identities_.clear();
    deferred_.clear();
    turn_end_.clear();
    tick_.cancel();
    deadline_.cancel();
}

// ---- the turn ---------------------------------------------------------------------------------------------------------------------------

void Loop::run() {
    const auto work = boost::asio::make_work_guard(*context_);
    if (engine_) {
        engine_->start();
        touched_ = true;
    }
    arm_tick();
    while (!stopping_) {
        if (has_work()) {
            context_->poll_one();
        } else {
            context_->run_one();
        }
        const auto latest = std::chrono::steady_clock::now() + kTurnMax;
        for (int i = 1; i < kHandlersPerTurn && std::chrono::steady_clock::now() < latest && context_->poll_one() != 0; ++i) {
        }
        end_turn();
    }
}

void Loop::stop() {
    boost::asio::post(*context_, [this] { stopping_ = true; });
}

void Loop::end_waits() {
    post([](Loop& loop) {
        if (!loop.engine_) return;
        loop.engine_->end_waits();
        loop.touched_ = true;
    });
}

void Loop::post(std::move_only_function<void(Loop&)> work) {
    boost::asio::post(*context_, [this, run_it = std::move(work)]() mutable { run_it(*this); });
}

void Loop::arm_tick() {
    tick_.expires_after(kTickEvery);
    tick_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        tick();
        arm_tick();
    });
}

void Loop::tick() {
    end_late_identities();
    if (!engine_) return;
    engine_->tick();
    touched_ = true;
    committer_->retry();
    const std::lock_guard lock{engine_figures_mutex_};
    engine_figures_ = engine_->figures();
}

void Loop::look_at_clock() {
    post([](Loop& loop) { loop.tick(); });
}

bool Loop::has_work() const { return touched_ || !deferred_.empty() || !turn_end_.empty() || (engine_ && engine_->wants_turn()); }

void Loop::end_turn() {
    figures_.turns.add();
    send_parcels();
    end_engine_turn();
    for (auto& answer : std::exchange(deferred_, {})) answer();
    send_parcels();
    // Writing may find a socket dead and ask for more; that belongs to the next turn.
    for (auto& write : std::exchange(turn_end_, {})) write();
    send_parcels();
    note_idle();
}

void Loop::end_engine_turn() {
    if (!engine_ || lost_ || !(touched_ || engine_->wants_turn())) return;
    touched_ = false;
    auto turn = engine_->end_turn();
    if (!turn.jobs.empty()) services_.readers.post(static_cast<EngineIndex>(index_), std::move(turn.jobs));
    if (!turn.calls.empty()) ask_plugins(std::move(turn.calls));
    if (!turn.pushes.empty()) ask_plugins(std::move(turn.pushes));
    if (services_.plugins != nullptr) arm_deadline();
    const auto entries = services_.feeder != nullptr ? turn.entries : 0;
    if (!turn.effects.empty() || entries != 0) waiting_.push_back({turn.ticket, std::move(turn.effects), entries});
    if (turn.batch.empty()) {
        release_effects();
    } else {
        committer_->commit(turn.ticket, std::move(turn.batch));
    }
}

void Loop::on_durable(Ticket ticket) {
    durable_ = ticket;
    engine_->on_durable(ticket);
    touched_ = true;
    release_effects();
}

void Loop::on_lost(Outcome outcome) {
    lost_ = true;
    services_.on_lost(outcome);
}

void Loop::release_effects() {
    while (!waiting_.empty() && waiting_.front().ticket <= durable_) {
        auto turn = std::move(waiting_.front());
        waiting_.pop_front();
        if (turn.entries != 0) services_.feeder->on_committed(turn.entries);
        for (auto& effect : turn.effects) std::visit([this](auto& one) { carry_out(one); }, effect);
    }
}

void Loop::note_idle() {
    const auto asked = requests_.size() - long_polls_ + password_waiters_.size() + identities_.size();
    figures_.requests_waiting.set(requests_.size());
    figures_.effects_waiting.set(waiting_.size());
    const auto engine_idle = !engine_ || (engine_->is_idle() && !engine_->wants_turn() && committer_->is_idle());
    idle_.store(asked == 0 && waiting_.empty() && !touched_ && engine_idle, std::memory_order_release);
}

// ---- effects ----------------------------------------------------------------------------------------------------------------------------

void Loop::carry_out(Reply& effect) {
    if (effect.to.gateway == index_) {
        reply(effect.to.request, std::move(effect.response));
    } else {
        parcels_[effect.to.gateway].replies.emplace_back(effect.to.request, std::move(effect.response));
    }
}

void Loop::carry_out(Delivery& effect) {
    for (const auto& to : effect.to) {
        if (auto* sink = sink_of(to.gateway, to.session)) sink->on_event(to.cursor, to.role, effect.entry);
    }
}

void Loop::carry_out(Events& effect) {
    if (effect.catch_up) {
        if (auto* sink = sink_of(effect.to.gateway, effect.to.session)) sink->on_page(effect.events);
        return;
    }
    for (const auto& event : effect.events) {
        if (auto* sink = sink_of(effect.to.gateway, effect.to.session)) sink->on_event(event.cursor, event.role, event.entry);
    }
}

void Loop::carry_out(Attached& effect) {
    if (auto* sink = sink_of(effect.gateway, effect.session)) sink->on_attached(effect.cursor);
}

void Loop::carry_out(Signalling& effect) {
    for (const auto& to : effect.to)
        if (auto* sink = sink_of(to.gateway, to.session)) sink->on_signal(effect.signal);
}

void Loop::carry_out(Resync& effect) {
    if (auto* sink = sink_of(effect.gateway, effect.session)) sink->on_resync(effect.why);
}

void Loop::carry_out(CloseSocket& effect) {
    if (auto* sink = sink_of(effect.gateway, effect.session)) sink->on_close(effect.code);
}

void Loop::carry_out(ToEngine& effect) {
    parcels_[effect.engine].bus.emplace_back(static_cast<EngineIndex>(index_), std::move(effect.message));
}

void Loop::carry_out(Read& effect) {
    std::vector<Job> jobs;
    jobs.push_back(std::move(effect.job));
    services_.readers.post(static_cast<EngineIndex>(index_), std::move(jobs));
}

net::SessionSink* Loop::sink_of(std::uint32_t gateway, SessionId session) {
    MADANG_ASSERT(gateway == index_);  // a socket lives with its user's engine
    auto** sink = sessions_.find(session.value);
    return sink == nullptr ? nullptr : *sink;  // none: closed meanwhile
}

void Loop::reply(std::uint64_t request, Result<Response> response) {
    auto waiting = requests_.take(request);
    if (!waiting) return;
    if (waiting->is_long_poll) --long_polls_;
    figures_.replies.add();
    waiting->on_reply(std::move(response));
}

// ---- between loops ----------------------------------------------------------------------------------------------------------------------

void Loop::send_parcels() {
    for (std::size_t to = 0; to < parcels_.size(); ++to) {
        if (parcels_[to].empty()) continue;
        auto* loop = services_.loops[to].get();
        figures_.forwarded.add();
        boost::asio::post(*loop->context_, [loop, parcel = std::exchange(parcels_[to], {})]() mutable { loop->take(std::move(parcel)); });
    }
}

void Loop::take(Parcel parcel) {
    for (auto& [request, response] : parcel.replies) reply(request, std::move(response));
    if (parcel.requests.empty() && parcel.bus.empty()) return;
    touched_ = true;
    for (auto& [from, request] : parcel.requests) engine_->handle(from, std::move(request));
    for (auto& [from, message] : parcel.bus) engine_->on_bus(from, std::move(message));
}

void Loop::deliver(ReadAnswers answers) {
    boost::asio::post(*context_, [this, all = std::move(answers)]() mutable {
        for (auto& [request, response] : all.replies) reply(request, std::move(response));
        if (all.loaded.empty()) return;
        touched_ = true;
        for (auto& loaded : all.loaded) engine_->on_loaded(std::move(loaded));
    });
}

void Loop::deliver(PasswordAnswer answer) {
    boost::asio::post(*context_, [this, one = std::move(answer)]() mutable {
        auto waiter = password_waiters_.take(one.waiter);
        if (!waiter) return;
        if (auto* on_hash = std::get_if<OnHash>(&*waiter)) {
            (*on_hash)(std::move(one.hash));
        } else {
            std::get<OnVerified> (*waiter)(one.verified);
        }
    });
}

// ---- Core -------------------------------------------------------------------------------------------------------------------------------

std::uint64_t Loop::submit(Request request, OnReply on_reply) {
    // A plugin makes accounts all the same: that is what it is for.
    const auto* sign_up = std::get_if<SignUp>(&request);
    if (!services_.sign_up_open && sign_up != nullptr && sign_up->origin == "password") {
        return refuse(std::move(on_reply), {Code::forbidden, "accounts are made by the administrator only", {}});
    }
    if (sign_up != nullptr && !services_.system_name.empty() && fold_name(sign_up->username) == services_.system_name)
        return refuse(std::move(on_reply), {Code::username_taken, "this username is the server's own", {}});
    return ask(std::move(request), std::move(on_reply));
}

std::uint64_t Loop::ask(Request request, OnReply on_reply) {
    ReplyTo from{.gateway = index_, .request = 0};
    if (on_reply) {
        if (requests_.size() >= kRequestsMax) {
            return refuse(std::move(on_reply), {Code::unavailable, "too many requests are waiting", kOverloadedRetry});
        }
        const auto long_poll = is_long_poll(request);
        if (long_poll) ++long_polls_;
        from.request = requests_.put({std::move(on_reply), long_poll});
    }
    const auto owner = owner_of(slot_of(request), services_.engines);
    if (owner == index_) {
        touched_ = true;
        engine_->handle(from, std::move(request));
    } else {
        parcels_[owner].requests.emplace_back(from, std::move(request));
    }
    return from.request;
}

std::uint64_t Loop::refuse(OnReply on_reply, Error error) {
    deferred_.push_back([refused = std::move(on_reply), why = std::move(error)]() mutable { refused(std::unexpected(std::move(why))); });
    return 0;
}

SessionId Loop::open_session(net::SessionSink& sink) { return SessionId{sessions_.put(&sink)}; }

void Loop::close_session(SessionId session) { sessions_.take(session.value); }

void Loop::hash_password(std::string password, OnHash on_hash) {
    ask_passwords({.loop = index_, .waiter = 0, .password = std::move(password), .hash = {}}, std::move(on_hash));
}

void Loop::verify_password(std::string password, std::string hash, OnVerified on_verified) {
    ask_passwords({.loop = index_, .waiter = 0, .password = std::move(password), .hash = std::move(hash)}, std::move(on_verified));
}

void Loop::ask_passwords(PasswordJob job, PasswordWaiter waiter) {
    job.waiter = password_waiters_.put(std::move(waiter));
    const auto number = job.waiter;
    if (services_.passwords.try_post(std::move(job))) return;
    deferred_.push_back([this, number] {
        auto refused = password_waiters_.take(number);
        if (!refused) return;
        const auto no = fail(Code::unavailable, "too many log-ins are waiting", services_.passwords.retry_after());
        std::visit([&](auto& on_answer) { on_answer(no); }, *refused);
    });
}

EngineFigures Loop::engine_figures() const {
    const std::lock_guard lock{engine_figures_mutex_};
    return engine_figures_;
}

}  // namespace madang::server
