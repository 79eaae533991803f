// What the I/O loop does around one engine: delivers a few events, ends the turn, commits its batch, tells the engine, carries the effects
// out, each in its order. Commits take random time, may be in doubt, and up to `in_flight_max` turns may wait for theirs.
#pragma once

#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "chat/engine.hpp"
#include "context.hpp"
#include "disk.hpp"

namespace madang::sim {

// The rest of the process, as a shell sees it.
class Outlet {
  public:
    virtual ~Outlet() = default;
    virtual void carry_out(EngineIndex engine, Effect effect) = 0;
    virtual void run_job(EngineIndex engine, Job job) = 0;
    virtual void ask_plugin(EngineIndex engine, CheckCall call) = 0;
    virtual void on_committed(std::uint32_t entries) = 0;
    virtual void push(EngineIndex engine, PushCall call) = 0;
    // The engine has taken this answer for a push that is done.
    virtual void on_push_heard(const PushCall& call) = 0;
};

class Shell {
  public:
    struct Asked {
        ReplyTo from;
        Request request;
    };
    struct FromBus {
        EngineIndex from = 0;
        BusMessage message;
    };
    struct TimePasses {};
    struct DeadlinePasses {};
    struct Judged {
        std::uint64_t call = 0;
        std::optional<Verdict> verdict;  // none: the mailbox was full
    };
    struct Pushed {
        PushCall call;
        std::optional<Delivered> delivered;  // none: the mailbox was full
    };
    using Input = std::variant<Asked, FromBus, Loaded, TimePasses, DeadlinePasses, Judged, Pushed>;

    Shell(Context& context, EngineOptions options, Disk& disk, Outlet& outlet);

    void start();
    void receive(Input input);
    // For a drain: no poll waits any more.
    void end_waits();
    // The end of the process. Of the batches in flight a prefix reaches the disk; those that do not are returned: they must never count.
    std::vector<Batch> crash();

    bool is_idle() const { return inputs_.empty() && flight_.empty() && !engine_.wants_turn() && engine_.is_idle(); }
    EngineFigures figures() const { return engine_.figures(); }
    EngineIndex index() const { return options_.index; }

  private:
    struct InFlight {
        Ticket ticket = 0;
        Batch batch;
        std::vector<Effect> effects;
        std::uint32_t entries = 0;
        bool written = false;
    };

    void deliver(Input input);
    void deliver(const Pushed& pushed);
    std::uint64_t pushes_done(std::uint32_t rule) const;
    void wake();
    void turn();
    void commit();
    void write();
    void give_up_head();
    void append(InFlight& turn);
    void land(std::size_t turns);
    void check_figures();
    void watch_deadline();

    Context& context_;
    EngineOptions options_;
    Disk& disk_;
    Outlet& outlet_;
    Lifetime lifetime_;
    Engine engine_;
    std::deque<Input> inputs_;
    std::deque<InFlight> flight_;
    bool turn_is_due_ = false;
    std::optional<Tick> watched_;  // the deadline that will be looked at
    bool is_committing_ = false;
    Ticket last_ticket_ = 0;
};

}  // namespace madang::sim
