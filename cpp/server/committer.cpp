#include "server/committer.hpp"

#include <utility>

#include "base/log.hpp"

namespace madang::server {
namespace {

constexpr int kInDoubtAtOnce = 3;

// One append with its figures; repeats at once while in doubt.
Outcome append(Store& store, const Batch& batch, CommitFigures& figures) {
    using Watch = std::chrono::steady_clock;
    const auto begin = Watch::now();
    auto outcome = store.append(batch);
    for (int i = 1; outcome == Outcome::in_doubt && i < kInDoubtAtOnce; ++i) {
        figures.in_doubt.add();
        outcome = store.append(batch);
    }
    switch (outcome) {
        case Outcome::durable:
            figures.duration.add(
                static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Watch::now() - begin).count()));
            figures.rows.add(batch.size());
            figures.bytes.add(batch.bytes());
            break;
        case Outcome::in_doubt: figures.in_doubt.add(); break;
        case Outcome::full: figures.full.add(); break;
        case Outcome::fenced:
        case Outcome::failed:
            log(LogLevel::error, "store lost",
                {{"outcome", outcome == Outcome::fenced ? "fenced: another process owns the store" : "failed"}});
            break;
    }
    return outcome;
}

bool is_lost(Outcome outcome) { return outcome == Outcome::fenced || outcome == Outcome::failed; }

}  // namespace

InlineCommitter::InlineCommitter(Store& store, CommitCallbacks callbacks, CommitFigures& figures)
    : store_(store), callbacks_(std::move(callbacks)), figures_(figures) {}

bool InlineCommitter::try_append(Ticket ticket, const Batch& batch) {
    const auto outcome = append(store_, batch, figures_);
    if (outcome == Outcome::durable) {
        callbacks_.durable(ticket);
        return true;
    }
    if (is_lost(outcome)) {
        lost_ = true;
        callbacks_.lost(outcome);
    }
    return false;
}

void InlineCommitter::commit(Ticket ticket, Batch batch) {
    if (lost_) return;
    // Behind one that waits everything waits: tickets become durable in order.
    if (waiting_.empty() && try_append(ticket, batch)) return;
    waiting_bytes_ += batch.bytes();
    waiting_.push_back({ticket, std::move(batch)});
    while (waiting_bytes_ > kWaitingBytesMax && !lost_) {
        std::this_thread::sleep_for(kCommitRetryEvery);
        retry();
    }
    figures_.waiting_bytes.set(waiting_bytes_);
}

void InlineCommitter::retry() {
    while (!waiting_.empty() && !lost_) {
        // A copy of the place, not of the batch: the callback may commit again.
        auto first = std::move(waiting_.front());
        const auto bytes = first.batch.bytes();
        if (!try_append(first.ticket, first.batch)) {
            waiting_.front() = std::move(first);
            break;
        }
        waiting_bytes_ -= bytes;
        waiting_.pop_front();
    }
    figures_.waiting_bytes.set(waiting_bytes_);
}

// ---- the thread -------------------------------------------------------------------------------------------------------------------------

struct CommitterThread::Shared {
    struct LaneState {
        CommitCallbacks callbacks;
        std::size_t bytes = 0;
        std::size_t batches = 0;
    };

    Shared(Store& s, CommitFigures& f) : store(s), figures(f) {}

    Store& store;
    CommitFigures& figures;
    std::mutex mutex;
    std::condition_variable work;  // something waits, or the end
    std::condition_variable room;  // something has been written
    std::vector<WaitingCommit> waiting;
    std::vector<LaneState> lanes;  // grows before the first commit only
    bool stopping = false;
    bool lost = false;

    void forget(const std::vector<WaitingCommit>& group, bool is_lost_now) {
        const std::lock_guard lock{mutex};
        lost = lost || is_lost_now;
        for (const auto& one : group) {
            lanes[one.lane].bytes -= one.batch.bytes();
            lanes[one.lane].batches -= 1;
        }
        room.notify_all();
    }
    // The newest ticket of a lane says it for those before.
    void tell_durable(const std::vector<WaitingCommit>& group) {
        std::vector<Ticket> newest(lanes.size(), 0);
        for (const auto& one : group) newest[one.lane] = one.ticket;
        for (std::size_t i = 0; i < newest.size(); ++i) {
            if (newest[i] != 0) lanes[i].callbacks.durable(newest[i]);
        }
    }
    void tell_lost(Outcome outcome) {
        for (const auto& lane : lanes) lane.callbacks.lost(outcome);
    }
};

class CommitterThread::Lane final : public Committer {
  public:
    Lane(std::shared_ptr<Shared> shared, std::size_t index) : shared_(std::move(shared)), index_(index) {}

    void commit(Ticket ticket, Batch batch) override {
        std::unique_lock lock{shared_->mutex};
        shared_->room.wait(lock, [&] { return shared_->lost || shared_->stopping || lane().bytes <= kWaitingBytesMax; });
        if (shared_->lost) return;
        lane().bytes += batch.bytes();
        lane().batches += 1;
        shared_->waiting.push_back({index_, ticket, std::move(batch)});
        if (shared_->waiting.size() == 1) shared_->work.notify_one();
    }
    void retry() override {}  // the thread does that by itself
    bool is_idle() const override {
        const std::lock_guard lock{shared_->mutex};
        return shared_->lanes[index_].batches == 0;
    }

  private:
    Shared::LaneState& lane() { return shared_->lanes[index_]; }

    std::shared_ptr<Shared> shared_;
    std::size_t index_;
};

CommitterThread::CommitterThread(Store& store, CommitFigures& figures)
    : shared_(std::make_shared<Shared>(store, figures)), thread_([this] { run(); }) {}

CommitterThread::~CommitterThread() { stop(); }

std::unique_ptr<Committer> CommitterThread::lane(CommitCallbacks callbacks) {
    const std::lock_guard lock{shared_->mutex};
    shared_->lanes.push_back({std::move(callbacks)});
    return std::make_unique<Lane>(shared_, shared_->lanes.size() - 1);
}

void CommitterThread::stop() {
    {
        const std::lock_guard lock{shared_->mutex};
        shared_->stopping = true;
    }
    shared_->work.notify_one();
    shared_->room.notify_all();
    if (thread_.joinable()) thread_.join();
}

void CommitterThread::run() {
    auto& shared = *shared_;
    while (true) {
        std::vector<WaitingCommit> group;
        {
            std::unique_lock lock{shared.mutex};
            shared.work.wait(lock, [&] { return shared.stopping || !shared.waiting.empty(); });
            if (shared.waiting.empty()) return;
            group = std::exchange(shared.waiting, {});
        }
        const auto outcome = write(group);
        shared.forget(group, is_lost(outcome));
        if (outcome == Outcome::durable) {
            shared.tell_durable(group);
        } else {
            // Lost, or stopping while the store takes nothing: none of it was acked.
            if (is_lost(outcome)) shared.tell_lost(outcome);
            return;
        }
    }
}

Outcome CommitterThread::write(const std::vector<WaitingCommit>& group) {
    auto& shared = *shared_;
    Batch merged;
    for (const auto& one : group) {
        if (group.size() > 1) merged.append(one.batch);
    }
    const auto& batch = group.size() > 1 ? merged : group.front().batch;
    auto outcome = append(shared.store, batch, shared.figures);
    while (outcome == Outcome::in_doubt || outcome == Outcome::full) {
        {
            std::unique_lock lock{shared.mutex};
            if (shared.work.wait_for(lock, kCommitRetryEvery, [&] { return shared.stopping; })) return outcome;
        }
        outcome = append(shared.store, batch, shared.figures);
    }
    return outcome;
}

}  // namespace madang::server
