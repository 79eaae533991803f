// What every store must do. A store joins by a harness: a default-constructed one owns a fresh store; `Store& store()`; `reopen()` ends the
// store's user as a crash of the process would, and opens the same data again.
#pragma once

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "rows.hpp"
#include "store/keys.hpp"

namespace madang::test {

template <typename Harness>
class StoreConformance : public testing::Test {
  protected:
    Store& store() { return harness_.store(); }
    void reopen() { harness_.reopen(); }

  private:
    Harness harness_;
};
TYPED_TEST_SUITE_P(StoreConformance);

TYPED_TEST_P(StoreConformance, rows_of_a_batch_appear_together_in_all_their_tables) {
    Batch batch;
    batch.put(Table::message, Key(1, 1), "entry");
    batch.put(Table::send_key, send_key(ConversationId{1}, UserId{2}, "c"), "key");
    batch.put(Table::inbox, Key(2, 1), "item");
    ASSERT_EQ(this->store().append(batch), Outcome::durable);
    EXPECT_EQ(value_at(this->store(), Table::message, Key(1, 1)), "entry");
    EXPECT_EQ(value_at(this->store(), Table::send_key, send_key(ConversationId{1}, UserId{2}, "c")), "key");
    EXPECT_EQ(value_at(this->store(), Table::inbox, Key(2, 1)), "item");
    EXPECT_EQ(value_at(this->store(), Table::journal, Key(1, 1)), std::nullopt) << "tables are apart";
}

TYPED_TEST_P(StoreConformance, a_durable_batch_survives_reopening) {
    ASSERT_EQ(this->store().append(put(Table::account, Key(7), "seven")), Outcome::durable);
    this->reopen();
    EXPECT_EQ(value_at(this->store(), Table::account, Key(7)), "seven");
}

TYPED_TEST_P(StoreConformance, every_table_keeps_its_own_rows) {
    Batch batch;
    for (std::size_t i = 0; i < kTables; ++i) {
        if (static_cast<Table>(i) == Table::epoch) continue;  // the store's own
        batch.put(static_cast<Table>(i), Key(4'000'000 + i), name_of(static_cast<Table>(i)));
    }
    ASSERT_EQ(this->store().append(batch), Outcome::durable);
    this->reopen();
    for (std::size_t i = 0; i < kTables; ++i) {
        const auto table = static_cast<Table>(i);
        if (table == Table::epoch) continue;
        const auto rows = rows_in(this->store(), table, Key(4'000'000), Key(5'000'000));
        ASSERT_EQ(rows.size(), 1u) << name_of(table);
        EXPECT_EQ(rows[0].second, name_of(table));
    }
}

TYPED_TEST_P(StoreConformance, repeating_a_batch_changes_nothing) {
    Batch batch;
    batch.put(Table::message, Key(1, 1), "a");
    batch.put(Table::message, Key(1, 2), "b");
    batch.erase(Table::journal, Key(1, 1));
    ASSERT_EQ(this->store().append(batch), Outcome::durable);
    const auto once = rows_in(this->store(), Table::message, Key(1), Key(2));
    ASSERT_EQ(this->store().append(batch), Outcome::durable);
    EXPECT_EQ(rows_in(this->store(), Table::message, Key(1), Key(2)), once);
}

TYPED_TEST_P(StoreConformance, the_later_row_of_one_key_wins) {
    Batch batch;
    batch.put(Table::pair, Key(1, 2), "old");
    batch.put(Table::pair, Key(1, 2), "new");
    batch.put(Table::pair, Key(3, 4), "gone");
    batch.erase(Table::pair, Key(3, 4));
    batch.erase(Table::pair, Key(5, 6));
    batch.put(Table::pair, Key(5, 6), "back");
    ASSERT_EQ(this->store().append(batch), Outcome::durable);
    EXPECT_EQ(value_at(this->store(), Table::pair, Key(1, 2)), "new");
    EXPECT_EQ(value_at(this->store(), Table::pair, Key(3, 4)), std::nullopt);
    EXPECT_EQ(value_at(this->store(), Table::pair, Key(5, 6)), "back");
}

TYPED_TEST_P(StoreConformance, erased_rows_are_gone_for_good) {
    ASSERT_EQ(this->store().append(put(Table::journal, Key(1, 1), "")), Outcome::durable);
    Batch batch;
    batch.erase(Table::journal, Key(1, 1));
    batch.erase(Table::journal, Key(1, 2));  // was never there
    ASSERT_EQ(this->store().append(batch), Outcome::durable);
    this->reopen();
    EXPECT_EQ(value_at(this->store(), Table::journal, Key(1, 1)), std::nullopt);
    EXPECT_TRUE(rows_in(this->store(), Table::journal, Key(0), Key(9)).empty());
}

TYPED_TEST_P(StoreConformance, an_empty_batch_and_an_empty_value_are_fine) {
    EXPECT_EQ(this->store().append(Batch{}), Outcome::durable);
    ASSERT_EQ(this->store().append(put(Table::journal, Key(1, 1), "")), Outcome::durable);
    EXPECT_EQ(value_at(this->store(), Table::journal, Key(1, 1)), "");
    EXPECT_EQ(rows_in(this->store(), Table::journal, Key(1), Key(2)).size(), 1u);
}

TYPED_TEST_P(StoreConformance, two_mebibyte_values_and_zero_bytes_come_back_unchanged) {
    std::string large(2 << 20, '\0');
    for (std::size_t i = 0; i < large.size(); i += 997) large[i] = static_cast<char>(i);
    ASSERT_EQ(this->store().append(put(Table::message, Key(1, 1), large)), Outcome::durable);
    this->reopen();
    EXPECT_TRUE(value_at(this->store(), Table::message, Key(1, 1)) == large);
}

TYPED_TEST_P(StoreConformance, scans_go_both_ways_over_a_half_open_range) {
    Batch batch;
    for (std::uint64_t n = 300; n >= 1; --n) batch.put(Table::inbox, Key(5, n), std::to_string(n));
    batch.put(Table::inbox, Key(4, UINT64_MAX), "before");
    batch.put(Table::inbox, Key(6, 0), "after");
    ASSERT_EQ(this->store().append(batch), Outcome::durable);

    auto rising = rows_in(this->store(), Table::inbox, Key(5), Key(6));
    ASSERT_EQ(rising.size(), 300u);
    for (std::uint64_t n = 1; n <= 300; ++n) ASSERT_EQ(rising[n - 1].second, std::to_string(n)) << "numbers sort as numbers, not as text";
    const auto falling = rows_in(this->store(), Table::inbox, Key(5), Key(6), Order::descending);
    EXPECT_EQ(Rows(falling.rbegin(), falling.rend()), rising);

    const auto part = rows_in(this->store(), Table::inbox, Key(5, 10), Key(5, 13));
    ASSERT_EQ(part.size(), 3u);
    EXPECT_EQ(part.front().second, "10");
    EXPECT_EQ(part.back().second, "12") << "`to` is not of the range";
    EXPECT_EQ(rows_in(this->store(), Table::inbox, Key(5, 10), Key(5, 13), Order::descending).front().second, "12");
}

TYPED_TEST_P(StoreConformance, a_range_without_rows_shows_none) {
    ASSERT_EQ(this->store().append(put(Table::inbox, Key(5, 5), "x")), Outcome::durable);
    for (const auto order : {Order::ascending, Order::descending}) {
        EXPECT_TRUE(rows_in(this->store(), Table::inbox, Key(5, 1), Key(5, 5), order).empty());
        EXPECT_TRUE(rows_in(this->store(), Table::inbox, Key(5, 6), Key(9), order).empty());
        EXPECT_TRUE(rows_in(this->store(), Table::inbox, Key(5, 5), Key(5, 5), order).empty()) << "from = to";
        EXPECT_TRUE(rows_in(this->store(), Table::inbox, Key(6), Key(5), order).empty()) << "from > to";
        EXPECT_TRUE(rows_in(this->store(), Table::message, Key(5), Key(6), order).empty()) << "another table";
    }
}

TYPED_TEST_P(StoreConformance, text_after_the_ids_bounds_a_prefix) {
    Batch batch;
    for (const auto* name : {"a", "ab", "b", "\xED\x95\x9C"})
        batch.put(Table::send_key, send_key(ConversationId{1}, UserId{2}, name), name);
    batch.put(Table::send_key, send_key(ConversationId{1}, UserId{3}, "a"), "another sender");
    ASSERT_EQ(this->store().append(batch), Outcome::durable);
    EXPECT_EQ(rows_in(this->store(), Table::send_key, Key(1, 2), Key(1, 3)).size(), 4u);
    EXPECT_EQ(value_at(this->store(), Table::send_key, send_key(ConversationId{1}, UserId{2}, "ab")), "ab");
    EXPECT_EQ(value_at(this->store(), Table::send_key, send_key(ConversationId{1}, UserId{2}, "abc")), std::nullopt);
    EXPECT_EQ(value_at(this->store(), Table::send_key, Key(1, 2)), std::nullopt) << "a prefix is not a key";
}

TYPED_TEST_P(StoreConformance, a_visitor_stops_the_scan_when_it_has_enough) {
    Batch batch;
    for (std::uint64_t n = 1; n <= 10; ++n) batch.put(Table::message, Key(1, n), "");
    ASSERT_EQ(this->store().append(batch), Outcome::durable);
    for (const auto order : {Order::ascending, Order::descending}) {
        std::vector<std::uint64_t> seen;
        const auto scanned = this->store().scan(Table::message, Key(1), Key(2), order, [&](std::string_view key, std::string_view) {
            seen.push_back(id_in(key, 8));
            return seen.size() < 3;
        });
        ASSERT_TRUE(scanned);
        EXPECT_EQ(seen, order == Order::ascending ? (std::vector<std::uint64_t>{1, 2, 3}) : (std::vector<std::uint64_t>{10, 9, 8}));
    }
}

TYPED_TEST_P(StoreConformance, a_visitor_may_read) {
    ASSERT_EQ(this->store().append(put(Table::message, Key(1, 1), "x")), Outcome::durable);
    std::optional<std::string> inner;
    ASSERT_TRUE(this->store().scan(Table::message, Key(1), Key(2), Order::ascending, [&](std::string_view key, std::string_view) {
        inner = value_at(this->store(), Table::message, key);
        return true;
    }));
    EXPECT_EQ(inner, "x");
}

TYPED_TEST_P(StoreConformance, a_batch_under_an_old_epoch_is_refused_whole) {
    const auto old_epoch = this->store().claim(5);
    const auto other = this->store().claim(6);
    ASSERT_TRUE(old_epoch && other);
    auto batch = put(Table::message, Key(5, 1), "x");
    batch.fence(6, *other);
    batch.fence(5, *old_epoch);
    ASSERT_EQ(this->store().append(batch), Outcome::durable);

    const auto new_epoch = this->store().claim(5);
    ASSERT_TRUE(new_epoch);
    EXPECT_GT(*new_epoch, *old_epoch);
    auto late = put(Table::message, Key(5, 2), "y");
    late.put(Table::inbox, Key(6, 1), "y");
    late.fence(6, *other);
    late.fence(5, *old_epoch);
    EXPECT_EQ(this->store().append(late), Outcome::fenced);
    EXPECT_EQ(value_at(this->store(), Table::message, Key(5, 2)), std::nullopt);
    EXPECT_EQ(value_at(this->store(), Table::inbox, Key(6, 1)), std::nullopt);

    this->reopen();
    EXPECT_EQ(this->store().append(late), Outcome::fenced) << "fenced once, fenced for ever";
    auto current = put(Table::message, Key(5, 2), "z");
    current.fence(5, *new_epoch);
    current.fence(6, *other);
    EXPECT_EQ(this->store().append(current), Outcome::durable) << "a claim of one slot leaves the others alone";
}

TYPED_TEST_P(StoreConformance, an_epoch_that_was_never_given_is_fenced) {
    const auto epoch = this->store().claim(5);
    ASSERT_TRUE(epoch);
    auto batch = put(Table::message, Key(5, 1), "x");
    batch.fence(5, *epoch + 1);
    EXPECT_EQ(this->store().append(batch), Outcome::fenced);
}

TYPED_TEST_P(StoreConformance, epochs_rise_through_claims_of_one_and_of_all_and_through_reopening) {
    Epoch last = 0;
    for (int round = 0; round < 3; ++round) {
        for (const Slot slot : {Slot{7}, Slot{7}, Slot{4095}}) {
            const auto one = this->store().claim(slot);
            ASSERT_TRUE(one);
            if (slot == 7) {
                EXPECT_GT(*one, last);
                last = *one;
            }
        }
        const auto all = this->store().claim_all();
        ASSERT_TRUE(all);
        EXPECT_GT(*all, last);
        last = *all;
        Batch batch;
        for (const Slot slot : {Slot{0}, Slot{7}, Slot{4095}}) batch.fence(slot, *all);
        EXPECT_EQ(this->store().append(batch), Outcome::durable) << "claim_all gives one epoch for every slot";
        this->reopen();
        EXPECT_EQ(this->store().append(batch), Outcome::durable) << "still the owner";
    }
}

TYPED_TEST_P(StoreConformance, claiming_all_fences_who_had_one) {
    const auto one = this->store().claim(9);
    ASSERT_TRUE(one);
    ASSERT_TRUE(this->store().claim_all());
    auto batch = put(Table::message, Key(9, 1), "x");
    batch.fence(9, *one);
    EXPECT_EQ(this->store().append(batch), Outcome::fenced);
}

TYPED_TEST_P(StoreConformance, a_reader_never_sees_a_part_of_a_batch) {
    // Every append puts the same number into two tables and into a hundred rows of a third.
    constexpr int kBatches = 100;
    const auto write = [&](std::uint64_t n) {
        Batch batch;
        const auto text = std::to_string(n);
        for (std::uint64_t row = 1; row <= 100; ++row) batch.put(Table::inbox, Key(1, row), text);
        return this->store().append(batch);
    };
    ASSERT_EQ(write(0), Outcome::durable);
    std::atomic<bool> done = false;
    std::atomic<std::uint64_t> mixed = 0, scans = 0, backwards = 0;
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            std::uint64_t last = 0;
            do {
                const auto rows = rows_in(this->store(), Table::inbox, Key(1), Key(2), scans % 2 ? Order::ascending : Order::descending);
                std::set<std::string> values;
                for (const auto& row : rows) values.insert(row.second);
                mixed += values.size() != 1 || rows.size() != 100;
                const auto now = std::stoull(*values.begin());
                backwards += now < last;
                last = now;
                ++scans;
            } while (!done);
        });
    bool durable = true;
    for (std::uint64_t n = 1; n <= kBatches; ++n) durable &= write(n) == Outcome::durable;
    done = true;
    for (auto& reader : readers) reader.join();
    EXPECT_TRUE(durable);
    EXPECT_EQ(mixed, 0u);
    EXPECT_EQ(backwards, 0u);
    EXPECT_GE(scans, 2u);
}

TYPED_TEST_P(StoreConformance, appends_of_several_threads_all_become_durable) {
    constexpr std::uint64_t kThreads = 4, kEach = 50;
    std::atomic<std::uint64_t> durable = 0;
    std::vector<std::thread> writers;
    for (std::uint64_t thread = 1; thread <= kThreads; ++thread)
        writers.emplace_back([&, thread] {
            for (std::uint64_t n = 1; n <= kEach; ++n)
                durable += this->store().append(put(Table::message, Key(thread, n), std::to_string(n))) == Outcome::durable;
        });
    for (auto& writer : writers) writer.join();
    EXPECT_EQ(durable, kThreads * kEach);
    this->reopen();
    for (std::uint64_t thread = 1; thread <= kThreads; ++thread)
        EXPECT_EQ(rows_in(this->store(), Table::message, Key(thread), Key(thread + 1)).size(), kEach);
}

TYPED_TEST_P(StoreConformance, a_claim_fences_appends_that_run_at_the_same_time) {
    // Whatever is durable under the old epoch was there before the claim returned.
    const auto old_epoch = this->store().claim(3);
    ASSERT_TRUE(old_epoch);
    std::atomic<std::uint64_t> last_durable = 0;
    std::thread writer([&] {
        for (std::uint64_t n = 1;; ++n) {
            auto batch = put(Table::message, Key(3, n), "x");
            batch.fence(3, *old_epoch);
            if (this->store().append(batch) != Outcome::durable) return;
            last_durable = n;
        }
    });
    while (last_durable < 5) std::this_thread::yield();
    const auto claimed = this->store().claim(3);
    const auto seen = rows_in(this->store(), Table::message, Key(3), Key(4)).size();
    writer.join();
    ASSERT_TRUE(claimed);
    EXPECT_EQ(rows_in(this->store(), Table::message, Key(3), Key(4)).size(), seen);
    EXPECT_EQ(last_durable, seen);
}

TYPED_TEST_P(StoreConformance, there_is_space) { EXPECT_TRUE(this->store().has_space()); }

REGISTER_TYPED_TEST_SUITE_P(StoreConformance, rows_of_a_batch_appear_together_in_all_their_tables, a_durable_batch_survives_reopening,
                            every_table_keeps_its_own_rows, repeating_a_batch_changes_nothing, the_later_row_of_one_key_wins,
                            erased_rows_are_gone_for_good, an_empty_batch_and_an_empty_value_are_fine,
                            two_mebibyte_values_and_zero_bytes_come_back_unchanged, scans_go_both_ways_over_a_half_open_range,
                            a_range_without_rows_shows_none, text_after_the_ids_bounds_a_prefix,
                            a_visitor_stops_the_scan_when_it_has_enough, a_visitor_may_read, a_batch_under_an_old_epoch_is_refused_whole,
                            an_epoch_that_was_never_given_is_fenced, epochs_rise_through_claims_of_one_and_of_all_and_through_reopening,
                            claiming_all_fences_who_had_one, a_reader_never_sees_a_part_of_a_batch,
                            appends_of_several_threads_all_become_durable, a_claim_fences_appends_that_run_at_the_same_time,
                            there_is_space);

}  // namespace madang::test
