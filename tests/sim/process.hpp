// One life of the server process: its engines with their shells, the bus between them and the pool of readers.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bus.hpp"
#include "ear.hpp"
#include "shell.hpp"

namespace madang::sim {

// The gateways: where effects for clients go.
class Front {
  public:
    virtual ~Front() = default;
    // On the gateway's own loop; `from` is the engine it comes from.
    virtual void on_effect(EngineIndex from, Effect effect) = 0;
    // What the plugins get and say, and what the engine has heard of it.
    virtual void on_push(const PushCall& call) = 0;
    virtual void on_pushed(const PushCall& call, Delivered::Kind kind) = 0;
    virtual void on_push_heard(const PushCall& call) = 0;
};

class Process final : public Outlet {
  public:
    // Feeds `ears`, which outlive it.
    Process(Context& context, Disk& disk, Front& front, unsigned engines, Epoch epoch, std::vector<Ear*> ears);

    unsigned engines() const { return static_cast<unsigned>(shells_.size()); }
    EngineIndex owner(UserId user) const { return owner_of(slot_of(user), engines()); }
    // A request that a gateway has taken: reaches its engine after the hop between loops, if there is one.
    void submit(const ReplyTo& from, Request request);
    void end_waits();
    // Batches that did not reach the disk.
    std::vector<Batch> crash();
    bool is_idle() const;
    std::string describe() const;  // who is not idle, and why
    const std::vector<std::unique_ptr<Shell>>& shells() const { return shells_; }

    void carry_out(EngineIndex engine, Effect effect) override;
    void run_job(EngineIndex engine, Job job) override;
    void ask_plugin(EngineIndex engine, CheckCall call) override;
    void on_committed(std::uint32_t entries) override;
    void push(EngineIndex engine, PushCall call) override;
    void on_push_heard(const PushCall& call) override { front_.on_push_heard(call); }

  private:
    Micros hop(EngineIndex from, EngineIndex to);
    void read(EngineIndex engine, const Job& job);
    bool feed_fault(double p) { return !context_.calm && feed_dice_.chance(p); }
    void make_feed(std::size_t ear, Epoch epoch);
    void work_feed(std::size_t ear);
    bool feed(std::size_t ear, FeedBatch batch);

    Context& context_;
    Disk& disk_;
    Front& front_;
    Dice plugin_dice_;
    Limits limits_;
    Lifetime lifetime_;
    Bus bus_;
    std::vector<std::unique_ptr<Shell>> shells_;
    std::vector<Micros> lane_free_;  // (from, to): posts between two loops keep their order
    std::size_t reads_ = 0;
    Dice feed_dice_;
    struct Fed {
        Ear* ear = nullptr;
        std::unique_ptr<Feed> feed;
        std::optional<Tick> due;  // when it is looked at again
    };
    std::vector<Fed> feeds_;
};

}  // namespace madang::sim
