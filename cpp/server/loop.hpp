// One I/O loop: an io_context, at most one engine, and the Core by which the sockets on this thread talk to all engines.
//
// A turn: one handler (or none if there is work left), then up to kHandlersPerTurn that are ready, within kTurnMax, so that answers do not
// wait for somebody's large frames without end; requests for other loops leave; then the engine's batch is committed, its effects are
// carried out when the batch is durable, and the sockets write what has gathered. Effects leave in the order of their turns. Loop i
// carries engine i; loops beyond the engines serve connections only.
//
// Owner: the composition root; outlives the listener, is outlived by everything in LoopServices.
// Thread: its own (run); post, stop, deliver and the figures from any. Between loops only values travel, one wake-up a turn.
// Limits: kRequestsMax unanswered requests; one more is answered `unavailable`. Errors: a lost store is told to LoopServices::on_lost once;
// nothing that waits for it is answered any more.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "chat/engine.hpp"
#include "hooks/breaker.hpp"
#include "hooks/mailbox.hpp"
#include "net/core.hpp"
#include "server/committer.hpp"
#include "server/figures.hpp"
#include "server/handle_table.hpp"
#include "server/password_pool.hpp"
#include "server/reader_pool.hpp"

namespace madang::server {

inline constexpr int kHandlersPerTurn = 512;
inline constexpr std::chrono::milliseconds kTurnMax{20};
inline constexpr std::size_t kRequestsMax = 262'144;
inline constexpr std::chrono::milliseconds kTickEvery{100};

class Loop;
class Feeder;
class PluginHost;

struct LoopServices {
    const Store& store;
    const Clock& clock;
    const Limits& limits;
    const net::Discovery& discovery;
    ReaderPool& readers;
    PasswordPool& passwords;
    const std::vector<std::unique_ptr<Loop>>& loops;
    unsigned engines = 1;
    unsigned loop_count = 1;
    bool sign_up_open = true;
    std::string system_name;  // folded username of the plugins' own account, which nobody signs up by; empty = no plugins
    std::atomic<bool>& ready;
    std::function<std::string()> metrics;  // any thread
    std::function<void(Outcome)> on_lost;  // any thread
    PluginHost* plugins = nullptr;         // none
    Feeder* feeder = nullptr;              // nobody listens to the committed feed
};

struct LoopFigures {
    Figure turns, replies, forwarded;
    Figure requests_waiting, effects_waiting;
};

class Loop final : public net::Core {
  public:
    // Null `engine`: a loop without one. The committer is made by `make_committer`, which gets the loop's own callbacks; set
    // `commits_elsewhere` when those are called on another thread.
    using MakeCommitter = std::function<std::unique_ptr<Committer>(CommitCallbacks)>;
    Loop(std::uint32_t index, LoopServices& services, std::optional<EngineOptions> engine, const MakeCommitter& make_committer,
         bool commits_elsewhere);
    ~Loop() override;

    // Returns after stop().
    void run();
    void stop();
    // For a drain: open long polls are answered, and from now on none waits. Any thread.
    void end_waits();
    // The clock was moved: what is due by now is done in some later turn. Any thread.
    void look_at_clock();
    // Runs on the loop's thread, in some later turn.
    void post(std::move_only_function<void(Loop&)> work);
    void deliver(ReadAnswers answers);
    void deliver(PasswordAnswer answer);
    void deliver(std::vector<HookAnswer> answers);

    std::uint32_t index() const { return index_; }
    boost::asio::io_context& context() { return *context_; }
    // Nothing that was asked waits for an answer (open long polls apart), nothing is being written, no fan-out is pending. As of the last
    // turn; any thread.
    bool is_idle() const { return idle_.load(std::memory_order_acquire); }
    EngineFigures engine_figures() const;
    const LoopFigures& figures() const { return figures_; }
    std::uint64_t late_identities() const { return identities_late_.get(); }

    // submit() without regard to what is closed to clients: for administration. On the loop's thread.
    std::uint64_t ask(Request request, OnReply on_reply);

    // ---- Core ----
    std::uint64_t submit(Request request, OnReply on_reply) override;
    SessionId open_session(net::SessionSink& sink) override;
    void close_session(SessionId session) override;
    void hash_password(std::string password, OnHash on_hash) override;
    void verify_password(std::string password, std::string hash, OnVerified on_verified) override;
    void identify(std::string credentials, OnIdentified on_identified) override;
    void at_turn_end(std::move_only_function<void()> write) override { turn_end_.push_back(std::move(write)); }
    const Limits& limits() const override { return services_.limits; }
    const Clock& clock() const override { return services_.clock; }
    const net::Discovery& discovery() const override { return services_.discovery; }
    std::string metrics() const override { return services_.metrics(); }
    bool is_ready() const override { return services_.ready.load(std::memory_order_relaxed); }

  private:
    // What one turn says to another loop.
    struct Parcel {
        std::vector<std::pair<ReplyTo, Request>> requests;
        std::vector<std::pair<EngineIndex, BusMessage>> bus;
        std::vector<std::pair<std::uint64_t, Result<Response>>> replies;
        bool empty() const { return requests.empty() && bus.empty() && replies.empty(); }
    };
    struct WaitingRequest {
        OnReply on_reply;
        bool is_long_poll = false;
    };
    struct WaitingEffects {
        Ticket ticket = 0;
        std::vector<Effect> effects;
        std::uint32_t entries = 0;  // news for the feeder
    };
    using PasswordWaiter = std::variant<OnHash, OnVerified>;

    void arm_tick();
    void tick();
    bool has_work() const;
    void end_turn();
    void end_engine_turn();
    void on_durable(Ticket ticket);
    void on_lost(Outcome outcome);
    void release_effects();
    void carry_out(Reply& effect);
    void carry_out(Delivery& effect);
    void carry_out(Events& effect);
    void carry_out(Attached& effect);
    void carry_out(Signalling& effect);
    void carry_out(Resync& effect);
    void carry_out(CloseSocket& effect);
    void carry_out(ToEngine& effect);
    void carry_out(Read& effect);
    void take(Parcel parcel);
    void reply(std::uint64_t request, Result<Response> response);
    void send_parcels();
    std::uint64_t refuse(OnReply on_reply, Error error);
    void ask_passwords(PasswordJob job, PasswordWaiter waiter);
    // ---- loop_hooks.cpp
    void ask_plugins(std::vector<CheckCall> calls);
    void ask_plugins(std::vector<PushCall> pushes);
    void end_identify(std::uint64_t number, IdentityAnswer answer);
    void end_late_identities();
    void arm_deadline();

    net::SessionSink* sink_of(std::uint32_t gateway, SessionId session);
    void note_idle();

    const std::uint32_t index_;
    LoopServices& services_;
    HandleTable<net::SessionSink*> sessions_;
    HandleTable<WaitingRequest> requests_;
    HandleTable<PasswordWaiter> password_waiters_;
    HandleTable<OnIdentified> identities_;                           // log-ins that wait for a plugin
    std::deque<std::pair<Tick, std::uint64_t>> identity_deadlines_;  // all have the same timeout: rising
    Breaker identity_breaker_;
    Figure identities_late_;
    std::size_t long_polls_ = 0;
    std::vector<std::move_only_function<void()>> deferred_;  // answers that may not be given from inside a call
    std::vector<std::move_only_function<void()>> turn_end_;
    std::vector<Parcel> parcels_;  // by loop
    std::optional<Engine> engine_;
    std::unique_ptr<Committer> committer_;
    std::deque<WaitingEffects> waiting_;
    // After everything that dying connections still call.
    std::unique_ptr<boost::asio::io_context> context_;
    boost::asio::steady_timer tick_;
    boost::asio::steady_timer deadline_;
    std::optional<Tick> deadline_armed_;
    Ticket durable_ = 0;
    bool touched_ = false;  // the engine has been called since its last end_turn
    bool lost_ = false;
    bool stopping_ = false;
    std::atomic<bool> idle_{false};
    LoopFigures figures_;
    mutable std::mutex engine_figures_mutex_;
    EngineFigures engine_figures_;
};

}  // namespace madang::server
