#include "store/memory_store.hpp"

#include <gtest/gtest.h>

#include "rows.hpp"
#include "store/keys.hpp"

namespace madang::test {
namespace {

// Gives the faults in order, then none.
FaultPlan in_order(std::vector<Fault> faults) {
    return [faults = std::move(faults), next = std::size_t{0}](const Batch&) mutable {
        return next < faults.size() ? faults[next++] : Fault::none;
    };
}

TEST(MemoryStore, an_append_in_doubt_that_was_applied_is_there_and_its_repeat_is_harmless) {
    MemoryStore store(in_order({Fault::in_doubt_applied}));
    const auto batch = put(Table::message, Key(1, 1), "x");
    EXPECT_EQ(store.append(batch), Outcome::in_doubt);
    EXPECT_EQ(value_at(store, Table::message, Key(1, 1)), "x");
    EXPECT_EQ(store.append(batch), Outcome::durable);
    EXPECT_EQ(store.rows(Table::message), 1u);
}

TEST(MemoryStore, an_append_in_doubt_that_was_lost_needs_its_repeat) {
    MemoryStore store(in_order({Fault::in_doubt_lost}));
    const auto batch = put(Table::message, Key(1, 1), "x");
    EXPECT_EQ(store.append(batch), Outcome::in_doubt);
    EXPECT_EQ(store.apply_late(), 0u);
    EXPECT_EQ(value_at(store, Table::message, Key(1, 1)), std::nullopt);
    EXPECT_EQ(store.append(batch), Outcome::durable);
    EXPECT_EQ(value_at(store, Table::message, Key(1, 1)), "x");
}

TEST(MemoryStore, a_late_append_comes_on_demand_and_only_once) {
    MemoryStore store(in_order({Fault::in_doubt_late}));
    EXPECT_EQ(store.append(put(Table::message, Key(1, 1), "x")), Outcome::in_doubt);
    EXPECT_EQ(store.rows(Table::message), 0u);
    EXPECT_EQ(store.apply_late(), 1u);
    EXPECT_EQ(value_at(store, Table::message, Key(1, 1)), "x");
    EXPECT_EQ(store.apply_late(), 0u);
}

TEST(MemoryStore, a_late_append_comes_before_newer_rows_never_over_them) {
    MemoryStore store(in_order({Fault::in_doubt_late}));
    EXPECT_EQ(store.append(put(Table::conversation, Key(1), "old")), Outcome::in_doubt);
    EXPECT_EQ(store.append(put(Table::conversation, Key(1), "new")), Outcome::durable);
    EXPECT_EQ(store.appends(), 2u);
    EXPECT_EQ(store.apply_late(), 0u);
    EXPECT_EQ(value_at(store, Table::conversation, Key(1)), "new");
}

TEST(MemoryStore, a_claim_fences_an_append_that_has_not_come_yet) {
    MemoryStore store(in_order({Fault::in_doubt_late}));
    const auto epoch = store.claim(1);
    ASSERT_TRUE(epoch);
    auto batch = put(Table::message, Key(1, 1), "x");
    batch.fence(1, *epoch);
    EXPECT_EQ(store.append(batch), Outcome::in_doubt);
    ASSERT_TRUE(store.claim(1));
    EXPECT_EQ(store.apply_late(), 0u);
    EXPECT_EQ(store.append(batch), Outcome::fenced);
    EXPECT_EQ(value_at(store, Table::message, Key(1, 1)), std::nullopt);
}

TEST(MemoryStore, a_fenced_batch_is_not_asked_for_a_fault) {
    int asked = 0;
    MemoryStore store([&](const Batch&) {
        ++asked;
        return Fault::none;
    });
    auto batch = put(Table::message, Key(1, 1), "x");
    batch.fence(1, 9);
    EXPECT_EQ(store.append(batch), Outcome::fenced);
    EXPECT_EQ(asked, 0);
}

TEST(MemoryStore, a_failed_store_takes_nothing_until_repaired_but_reads_go_on) {
    MemoryStore store(in_order({Fault::none, Fault::failed}));
    EXPECT_EQ(store.append(put(Table::message, Key(1, 1), "x")), Outcome::durable);
    EXPECT_EQ(store.append(put(Table::message, Key(1, 2), "y")), Outcome::failed);
    EXPECT_EQ(store.append(put(Table::message, Key(1, 2), "y")), Outcome::failed);
    EXPECT_FALSE(store.claim(1));
    EXPECT_FALSE(store.claim_all());
    EXPECT_EQ(rows_in(store, Table::message, Key(1), Key(2)).size(), 1u);
    store.repair();
    EXPECT_EQ(store.append(put(Table::message, Key(1, 2), "y")), Outcome::durable);
}

TEST(MemoryStore, a_full_store_writes_nothing_and_goes_on_when_there_is_space) {
    MemoryStore store;
    store.set_space(false);
    EXPECT_FALSE(store.has_space());
    EXPECT_EQ(store.append(put(Table::message, Key(1, 1), "x")), Outcome::full);
    EXPECT_EQ(store.rows(Table::message), 0u);
    store.set_space(true);
    EXPECT_EQ(store.append(put(Table::message, Key(1, 1), "x")), Outcome::durable);

    store.set_plan(in_order({Fault::full}));
    EXPECT_EQ(store.append(put(Table::message, Key(1, 2), "y")), Outcome::full);
    EXPECT_EQ(store.rows(Table::message), 1u);
    EXPECT_EQ(store.append(put(Table::message, Key(1, 2), "y")), Outcome::durable);
}

}  // namespace
}  // namespace madang::test
