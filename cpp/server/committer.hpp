// Who takes an engine's batches to the disk. Two ways behind one interface: on the engine's own thread at the end of its turn, or on one
// thread for all engines, for disks whose sync takes so long that it would hold pings and log-ins.
//
// A batch that the store did not take is repeated as it is until it is durable: the engine has numbered on the strength of it. In doubt:
// three times at once, then with every retry(). Full: with every retry(); sends are refused before that (Store::has_space), so only what
// was under way when the disk filled waits here. Reads go on meanwhile. Fenced or failed: `lost` is called once, and nothing is durable
// any more.
// Limits: kWaitingBytesMax of waiting batches per engine; at the maximum commit() blocks its loop until there is room, or until `lost`.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "chat/effects.hpp"
#include "server/figures.hpp"
#include "store/store.hpp"

namespace madang::server {

inline constexpr std::size_t kWaitingBytesMax = 64 << 20;
inline constexpr std::chrono::milliseconds kCommitRetryEvery{100};

struct CommitCallbacks {
    std::function<void(Ticket)> durable;  // everything up to this ticket is on disk
    std::function<void(Outcome)> lost;    // fenced or failed
};

// One engine's way to the disk. Thread: its loop's only.
class Committer {
  public:
    virtual ~Committer() = default;
    // Rising tickets, batches never empty.
    virtual void commit(Ticket ticket, Batch batch) = 0;
    virtual void retry() = 0;
    virtual bool is_idle() const = 0;
};

// Calls back on the loop's thread, from inside commit() and retry().
class InlineCommitter final : public Committer {
  public:
    InlineCommitter(Store& store, CommitCallbacks callbacks, CommitFigures& figures);
    void commit(Ticket ticket, Batch batch) override;
    void retry() override;
    bool is_idle() const override { return waiting_.empty(); }

  private:
    struct Waiting {
        Ticket ticket;
        Batch batch;
    };
    // True when the batch is durable.
    bool try_append(Ticket ticket, const Batch& batch);

    Store& store_;
    CommitCallbacks callbacks_;
    CommitFigures& figures_;
    std::deque<Waiting> waiting_;
    std::size_t waiting_bytes_ = 0;
    bool lost_ = false;
};

// One thread for all engines: what waits when it is free goes into one synced write. Calls back on its own thread.
// Owner: the composition root. Outlives its lanes' last commit(); stop() before the store dies.
class CommitterThread {
  public:
    CommitterThread(Store& store, CommitFigures& figures);
    ~CommitterThread();
    CommitterThread(const CommitterThread&) = delete;
    CommitterThread& operator=(const CommitterThread&) = delete;

    // Before the first commit; each lane belongs to one engine.
    std::unique_ptr<Committer> lane(CommitCallbacks callbacks);
    // Writes what waits, unless the store doesn't take it, and joins. Idempotent.
    void stop();

  private:
    class Lane;
    struct Shared;
    struct WaitingCommit {
        std::size_t lane;
        Ticket ticket;
        Batch batch;
    };
    void run();
    Outcome write(const std::vector<WaitingCommit>& group);

    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace madang::server
