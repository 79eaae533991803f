#include "server/committer.hpp"

#include <deque>
#include <future>

#include <gtest/gtest.h>

#include "store/keys.hpp"
#include "store/memory_store.hpp"

namespace madang::server {
namespace {

using namespace std::chrono_literals;

Batch one_row(std::uint64_t id) {
    Batch batch;
    batch.put(Table::account, account_key(UserId{id}), "value");
    return batch;
}

// Takes the committers' calls; durable tickets and losses can be waited for.
class Calls {
  public:
    CommitCallbacks callbacks() {
        return {.durable = [this](Ticket ticket) { note([&] { durable_ = ticket; }); },
                .lost = [this](Outcome outcome) { note([&] { lost_.push_back(outcome); }); }};
    }
    bool durable_within(Ticket ticket, std::chrono::milliseconds limit = 5s) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, limit, [&] { return durable_ >= ticket; });
    }
    bool lost_within(std::chrono::milliseconds limit = 5s) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, limit, [&] { return !lost_.empty(); });
    }
    Ticket durable() {
        const std::lock_guard lock{mutex_};
        return durable_;
    }
    std::vector<Outcome> lost() {
        const std::lock_guard lock{mutex_};
        return lost_;
    }

  private:
    template <typename Change>
    void note(Change change) {
        const std::lock_guard lock{mutex_};
        change();
        changed_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    Ticket durable_ = 0;
    std::vector<Outcome> lost_;
};

FaultPlan faults(std::deque<Fault> plan) {
    return [plan = std::move(plan)](const Batch&) mutable {
        if (plan.empty()) return Fault::none;
        const auto fault = plan.front();
        plan.pop_front();
        return fault;
    };
}

TEST(InlineCommitter, batch_is_durable_when_commit_returns) {
    MemoryStore store;
    CommitFigures figures;
    Calls calls;
    InlineCommitter committer{store, calls.callbacks(), figures};
    committer.commit(1, one_row(1));
    EXPECT_EQ(calls.durable(), 1u);
    EXPECT_EQ(store.rows(Table::account), 1u);
    EXPECT_TRUE(committer.is_idle());
    EXPECT_EQ(figures.rows.get(), 1u);
}

TEST(InlineCommitter, batch_in_doubt_is_repeated_until_durable) {
    MemoryStore store{faults({Fault::in_doubt_lost, Fault::in_doubt_applied})};
    CommitFigures figures;
    Calls calls;
    InlineCommitter committer{store, calls.callbacks(), figures};
    committer.commit(1, one_row(1));
    EXPECT_EQ(calls.durable(), 1u);
    EXPECT_EQ(store.rows(Table::account), 1u);
    EXPECT_EQ(figures.in_doubt.get(), 2u);
}

TEST(InlineCommitter, what_comes_behind_a_refused_batch_waits_in_order) {
    MemoryStore store;
    store.set_space(false);
    CommitFigures figures;
    Calls calls;
    InlineCommitter committer{store, calls.callbacks(), figures};
    committer.commit(1, one_row(1));
    store.set_space(true);
    committer.commit(2, one_row(2));
    EXPECT_EQ(calls.durable(), 0u);
    EXPECT_EQ(store.rows(Table::account), 0u);
    committer.retry();
    EXPECT_EQ(calls.durable(), 2u);
    EXPECT_EQ(store.rows(Table::account), 2u);
    EXPECT_EQ(figures.full.get(), 1u);
}

TEST(InlineCommitter, failed_store_is_reported_once_and_nothing_is_durable_after) {
    MemoryStore store{faults({Fault::failed})};
    CommitFigures figures;
    Calls calls;
    InlineCommitter committer{store, calls.callbacks(), figures};
    committer.commit(1, one_row(1));
    committer.commit(2, one_row(2));
    committer.retry();
    EXPECT_EQ(calls.durable(), 0u);
    EXPECT_EQ(calls.lost(), std::vector{Outcome::failed});
}

TEST(InlineCommitter, batch_under_an_old_epoch_is_lost) {
    MemoryStore store;
    const auto old = store.claim_all().value();
    ASSERT_TRUE(store.claim_all());
    CommitFigures figures;
    Calls calls;
    InlineCommitter committer{store, calls.callbacks(), figures};
    auto batch = one_row(1);
    batch.fence(1, old);
    committer.commit(1, std::move(batch));
    EXPECT_EQ(calls.lost(), std::vector{Outcome::fenced});
}

TEST(CommitterThread, every_lane_hears_of_its_own_tickets) {
    MemoryStore store;
    CommitFigures figures;
    CommitterThread thread{store, figures};
    Calls a, b;
    const auto lane_a = thread.lane(a.callbacks());
    const auto lane_b = thread.lane(b.callbacks());
    for (Ticket ticket = 1; ticket <= 100; ++ticket) {
        lane_a->commit(ticket, one_row(ticket));
        lane_b->commit(ticket, one_row(1'000 + ticket));
    }
    EXPECT_TRUE(a.durable_within(100));
    EXPECT_TRUE(b.durable_within(100));
    EXPECT_EQ(store.rows(Table::account), 200u);
    thread.stop();
    EXPECT_TRUE(lane_a->is_idle());
}

TEST(CommitterThread, what_waits_goes_into_one_append) {
    std::promise<void> first_began, others_wait;
    auto may_end = others_wait.get_future().share();
    bool first = true;
    MemoryStore store{[&](const Batch&) {
        if (std::exchange(first, false)) {
            first_began.set_value();
            may_end.wait_for(5s);
        }
        return Fault::none;
    }};
    CommitFigures figures;
    CommitterThread thread{store, figures};
    Calls calls;
    const auto lane = thread.lane(calls.callbacks());
    lane->commit(1, one_row(1));
    ASSERT_EQ(first_began.get_future().wait_for(5s), std::future_status::ready);
    for (Ticket ticket = 2; ticket <= 50; ++ticket) lane->commit(ticket, one_row(ticket));
    others_wait.set_value();
    EXPECT_TRUE(calls.durable_within(50));
    EXPECT_EQ(store.appends(), 2u);
    EXPECT_EQ(store.rows(Table::account), 50u);
}

TEST(CommitterThread, refused_batch_is_repeated_when_there_is_space_again) {
    MemoryStore store;
    store.set_space(false);
    CommitFigures figures;
    CommitterThread thread{store, figures};
    Calls calls;
    const auto lane = thread.lane(calls.callbacks());
    lane->commit(1, one_row(1));
    EXPECT_FALSE(calls.durable_within(1, 150ms));
    store.set_space(true);
    EXPECT_TRUE(calls.durable_within(1));
}

TEST(CommitterThread, failed_store_is_told_to_every_lane) {
    MemoryStore store{faults({Fault::failed})};
    CommitFigures figures;
    CommitterThread thread{store, figures};
    Calls a, b;
    const auto lane_a = thread.lane(a.callbacks());
    const auto lane_b = thread.lane(b.callbacks());
    lane_a->commit(1, one_row(1));
    EXPECT_TRUE(a.lost_within());
    EXPECT_TRUE(b.lost_within());
    EXPECT_EQ(a.durable(), 0u);
}

TEST(CommitterThread, stop_ends_while_the_store_takes_nothing) {
    MemoryStore store;
    store.set_space(false);
    CommitFigures figures;
    CommitterThread thread{store, figures};
    Calls calls;
    const auto lane = thread.lane(calls.callbacks());
    lane->commit(1, one_row(1));
    thread.stop();
    EXPECT_EQ(calls.durable(), 0u);
}

}  // namespace
}  // namespace madang::server
