#include "chat/push_decisions.hpp"

#include <gtest/gtest.h>

namespace madang {
namespace {

constexpr UserId kUser{1}, kOther{2};
constexpr Tick kThen{10'000};

Undecided item(std::uint64_t cursor) { return {Cursor{cursor}, ConversationId{9}, Seq{cursor}}; }

class PushDecisionsTest : public ::testing::Test {
  protected:
    std::vector<std::uint64_t> decided(Tick now) {
        std::vector<std::uint64_t> out;
        for (const auto user : decisions_.due(now)) {
            while (const auto due = decisions_.take_due(user, now)) out.push_back(due->cursor.value);
            decisions_.settled(user, now);
        }
        return out;
    }

    PushDecisions decisions_{Millis{2'000}};
};

TEST_F(PushDecisionsTest, what_nobody_acks_is_decided_after_its_time_in_order) {
    EXPECT_EQ(decisions_.add(kUser, item(5), kThen), Cursor{4});
    EXPECT_EQ(decisions_.add(kUser, item(6), kThen + Tick{500}), std::nullopt);
    EXPECT_TRUE(decided(kThen + Tick{1'999}).empty());
    EXPECT_EQ(decided(kThen + Tick{2'000}), std::vector<std::uint64_t>{5});
    EXPECT_TRUE(decisions_.has_undecided(kUser));
    EXPECT_EQ(decided(kThen + Tick{2'500}), std::vector<std::uint64_t>{6});
    EXPECT_FALSE(decisions_.has_undecided(kUser));
}

TEST_F(PushDecisionsTest, an_ack_of_any_device_decides_what_it_covers) {
    decisions_.add(kUser, item(5), kThen);
    decisions_.add(kUser, item(7), kThen);
    decisions_.on_ack(kUser, Cursor{6});
    decisions_.on_ack(kOther, Cursor{9});
    EXPECT_EQ(decided(kThen + Tick{2'000}), std::vector<std::uint64_t>{7});
}

TEST_F(PushDecisionsTest, steady_chat_that_is_acked_costs_a_row_in_a_long_time) {
    std::size_t rows = 0;
    auto now = kThen;
    for (std::uint64_t i = 1; i <= 600; ++i, now += Tick{100}) {  // a minute
        rows += decisions_.add(kUser, item(i), now) ? 1 : 0;
        decisions_.on_ack(kUser, Cursor{i});
        EXPECT_TRUE(decided(now).empty());
        rows += decisions_.rows(now, false).size();
    }
    EXPECT_LE(rows, 3U);
    EXPECT_GE(rows, 2U);
}

TEST_F(PushDecisionsTest, the_row_goes_when_there_was_nothing_for_a_while) {
    decisions_.add(kUser, item(1), kThen);
    decisions_.on_ack(kUser, Cursor{1});
    decided(kThen + Tick{2'000});
    EXPECT_TRUE(decisions_.rows(kThen + Tick{2'000}, false).empty());
    decided(kThen + PushDecisions::kOpenFor);
    const auto rows = decisions_.rows(kThen + PushDecisions::kOpenFor, false);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].user, kUser);
    EXPECT_EQ(rows[0].cursor, std::nullopt);
    EXPECT_EQ(decisions_.open(), 0U);
}

TEST_F(PushDecisionsTest, who_had_nothing_for_a_moment_is_decided_in_time_again) {
    decisions_.add(kUser, item(1), kThen);
    decisions_.on_ack(kUser, Cursor{1});
    decided(kThen + Tick{2'000});
    decisions_.rows(kThen + Tick{2'000}, false);
    decisions_.add(kUser, item(2), kThen + Tick{3'000});
    EXPECT_EQ(decided(kThen + Tick{5'000}), std::vector<std::uint64_t>{2});
}

TEST_F(PushDecisionsTest, with_a_push_the_row_moves_and_without_one_there_is_none_to_move) {
    EXPECT_FALSE(decisions_.on_pushed(kUser, Cursor{3}));
    decisions_.add(kUser, item(5), kThen);
    for (const auto user : decisions_.due(kThen + Tick{2'000})) {
        ASSERT_TRUE(decisions_.take_due(user, kThen + Tick{2'000}));
        EXPECT_TRUE(decisions_.on_pushed(kUser, Cursor{5}));
        decisions_.settled(user, kThen + Tick{2'000});
    }
    EXPECT_TRUE(decisions_.rows(kThen + Tick{2'001}, false).empty());
}

TEST_F(PushDecisionsTest, a_stop_in_good_order_leaves_rows_that_say_exactly_what_is_undecided) {
    decisions_.add(kUser, item(5), kThen);
    decisions_.add(kUser, item(8), kThen);
    decisions_.on_ack(kUser, Cursor{5});
    decisions_.add(kOther, item(2), kThen);
    decisions_.on_ack(kOther, Cursor{2});
    EXPECT_FALSE(decisions_.rows_are_exact());
    const auto rows = decisions_.rows(kThen, true);
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].cursor, Cursor{7});
    EXPECT_EQ(rows[1].cursor, std::nullopt);
    EXPECT_TRUE(decisions_.rows_are_exact());
}

TEST_F(PushDecisionsTest, after_a_restart_everything_behind_the_row_has_its_time_once_more) {
    decisions_.reopen(kUser, Cursor{4}, {item(5), item(6)}, kThen);
    EXPECT_EQ(decisions_.add(kUser, item(7), kThen + Tick{1}), std::nullopt);
    decisions_.on_ack(kUser, Cursor{5});
    EXPECT_EQ(decided(kThen + Tick{2'001}), (std::vector<std::uint64_t>{6, 7}));
}

TEST_F(PushDecisionsTest, who_cannot_be_looked_at_comes_again) {
    decisions_.add(kUser, item(5), kThen);
    ASSERT_EQ(decisions_.due(kThen + Tick{2'000}).size(), 1U);
    EXPECT_TRUE(decisions_.is_deciding());
    EXPECT_TRUE(decisions_.due(kThen + Tick{2'100}).empty());
    decisions_.settled(kUser, kThen + Tick{2'100}, false);
    EXPECT_FALSE(decisions_.is_deciding());
    EXPECT_EQ(decided(kThen + Tick{2'600}), std::vector<std::uint64_t>{5});
}

TEST_F(PushDecisionsTest, beyond_the_limit_the_oldest_are_decided_before_their_time) {
    PushDecisions small{Millis{2'000}, 2};
    small.add(kUser, item(1), kThen);
    small.add(kOther, item(1), kThen + Tick{1});
    EXPECT_TRUE(small.due(kThen + Tick{2}).empty());
    small.add(kOther, item(2), kThen + Tick{2});
    EXPECT_EQ(small.due(kThen + Tick{3}), std::vector<UserId>{kUser});
    EXPECT_TRUE(small.take_due(kUser, kThen + Tick{3}));
}

}  // namespace
}  // namespace madang
