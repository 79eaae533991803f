// An engine owns the users and conversations of its slots and is their only writer. Event in, effects out: no socket, no disk write, no
// thread, no clock of its own. The shell (net/, or the simulator) calls it, ends each turn with end_turn(), commits the batch and carries
// the effects out when the batch is durable.
//
// Owner: one I/O loop. Thread: that loop's only. Outlived by: store, clock, random.
// Limits: Limits::users_in_memory and conversations_in_memory (the least recently used idle one is dropped and loaded again on demand),
// parked_requests (more: `unavailable`), fan_out_pending (more: sends answer `unavailable`).
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/limits.hpp"
#include "base/random.hpp"
#include "chat/bus.hpp"
#include "chat/checks.hpp"
#include "chat/effects.hpp"
#include "chat/loaded.hpp"
#include "chat/push_outbox.hpp"
#include "chat/requests.hpp"
#include "store/store.hpp"

namespace madang {

struct EngineOptions {
    EngineIndex index = 0;
    unsigned engines = 1;
    std::uint16_t worker = 0;  // of its Snowflakes; unique in a deployment
    Epoch epoch = 0;           // from Store::claim_all
    DigestKey text_key{};      // of the store: keys the digests of sent texts
    Limits limits;
    std::vector<CheckRule> checks;  // of the plugins that check messages, in their order; empty = none
    std::vector<PushRule> pushes;   // of the plugins that push, likewise
};

struct EngineFigures {
    std::uint64_t users = 0, conversations = 0;   // in memory
    std::uint64_t sessions = 0, pollers = 0;      // attached
    std::uint64_t parked = 0;                     // requests that wait for cold state
    std::uint64_t in_lanes = 0;                   // that wait behind a revision
    std::uint64_t fan_out_pending = 0;            // entries not yet in every inbox
    std::uint64_t messages = 0, inbox_items = 0;  // since start
    std::uint64_t edits = 0, deletions = 0;
    std::uint64_t shadowed = 0;                                   // of the messages
    std::uint64_t held_waiting = 0;                               // for review
    std::uint64_t held = 0, held_released = 0, held_refused = 0;  // since start
    std::uint64_t reads = 0;                                      // markers moved
    std::uint64_t online = 0;                                     // users
    std::uint64_t watched = 0;                                    // users whom somebody here watches
    std::uint64_t presence_waiting = 0;                           // of them, those whose watchers are still to be told
    std::uint64_t presence_changes = 0, presence_signals = 0, presence_coalesced = 0, typing_signals = 0;  // since start
    std::uint64_t receipts = 0, receipt_signals = 0;  // moved in conversations here, told to sockets; since start
    std::uint64_t receipts_waiting = 0;               // not confirmed by their conversations' engines yet
    std::uint64_t loads = 0, evictions = 0, resyncs = 0;
    std::uint64_t joins = 0, leaves = 0, bans = 0;             // of groups, since start; first members are no joins
    std::uint64_t settings_changes = 0;                        // title or settings of groups, since start
    std::uint64_t member_changes = 0;                          // roles and mutes that were set, since start
    std::uint64_t invites = 0;                                 // links that were made, since start
    std::uint64_t mentions = 0;                                // of users here, since start
    std::uint64_t friend_requests = 0, blocks = 0;             // made since start
    std::uint64_t relations_pending = 0;                       // pairs with changes not yet in both copies
    std::uint64_t password_changes = 0, deleted_accounts = 0;  // since start
    std::uint64_t departures_pending = 0;                      // deleted accounts that are not gone from everywhere yet
    std::uint64_t checks_waiting = 0;                          // sends without a verdict
    std::uint64_t late_verdicts = 0;                           // came when nobody waited for them any more
    std::vector<CheckFigures> checks;                          // by stage
    std::uint64_t push_undecided = 0;                          // messages of which somebody attached has acked nothing yet
    std::uint64_t push_depth = 0;                              // rows of the outbox
    std::uint64_t push_overdue_ms = 0;                         // since when the oldest of them is due
    std::uint64_t pushes_decided = 0;                          // since start
    std::uint64_t pushes_ended = 0;                            // every target has it
    std::uint64_t pushes_cancelled = 0;                        // read, deleted or otherwise pointless before they went out
    std::uint64_t pushes_dead = 0;                             // given up
    std::vector<PushFigures> pushes;                           // by rule
};

class Engine {
  public:
    Engine(EngineOptions options, const Clock& clock, const Store& store);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Once, first: takes up the unfinished fan-outs of an earlier run.
    void start();

    void handle(const ReplyTo& from, Request request);
    void on_bus(EngineIndex from, BusMessage message);
    void on_loaded(Loaded loaded);  // the answer to a Load… job
    // Time passes: long polls end, lost bus messages are repeated. Every 100 ms or so.
    void tick();
    // A plugin's answer to a call of Turn::calls, or that call found no room. One that nobody waits for any more is dropped.
    void on_verdict(std::uint64_t call, Verdict verdict);
    void on_call_refused(std::uint64_t call);
    // The same for Turn::pushes.
    void on_delivered(std::uint64_t call, const Delivered& delivered);
    void on_push_refused(std::uint64_t call);
    // When tick() must be called at the latest, if something waits for a verdict.
    std::optional<Tick> next_deadline() const;
    // For a drain: open long polls are answered now, and from now on none waits; no push is handed out any more.
    void end_waits();

    // Takes what has happened since the last call. After this the caller must commit `batch` (repeating it while in doubt), then call
    // on_durable, then carry out `effects`.
    Turn end_turn();
    void on_durable(Ticket ticket);
    // Is there work left over for another turn, though nothing has come in (a large fan-out in chunks, a crowd's presence)?
    bool wants_turn() const;
    // Nothing is in flight: no fan-out pending, no request parked. For drain and tests.
    bool is_idle() const;

    EngineFigures figures() const;

  private:
    class State;
    std::unique_ptr<State> state_;
};

}  // namespace madang
