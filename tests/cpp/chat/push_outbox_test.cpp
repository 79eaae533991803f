#include "chat/push_outbox.hpp"

#include <gtest/gtest.h>

namespace madang {
namespace {

using What = PushOutbox::Ended::What;

constexpr Tick kOpened{10'000};
constexpr Time kDawn{Millis{1'800'000'000'000}};

PushKey key(std::uint64_t n) { return {UserId{n}, ConversationId{9}, Seq{1}}; }

class PushOutboxTest : public ::testing::Test {
  protected:
    PushOutboxTest() { limits_.push_in_memory = 4; }

    Time wall() const { return kDawn + (now_ - kOpened); }
    void add(std::uint64_t n, Push push = {}) {
        if (push.since == Time{}) push.since = push.due = wall();
        outbox_.add(key(n), push, wall(), now_);
    }
    // Reads what is due and hands it to these rules: the numbers of the calls.
    std::vector<std::uint64_t> hand_out(std::vector<PushOutbox::Target> targets = {{0, {}, {}}}) {
        std::vector<std::uint64_t> numbers;
        for (const auto& each : outbox_.take_due(now_))
            for (const auto& call : outbox_.hand_out(each, targets, {}, now_)) numbers.push_back(call.number);
        return numbers;
    }
    std::optional<PushOutbox::Ended> answer(std::uint64_t number, Delivered delivered = {}) {
        return outbox_.on_answer(number, delivered, wall(), now_);
    }
    std::optional<PushOutbox::Ended> fail(std::uint64_t number, Millis after = Millis{0}) {
        return answer(number, {Delivered::Kind::retry, after, "busy"});
    }

    Limits limits_;
    Tick now_ = kOpened;
    PushOutbox outbox_{
        {{.plugin = "all", .timeout = Millis{500}, .providers = {}}, {.plugin = "phones", .timeout = Millis{500}, .providers = {"fcm"}}},
        limits_};
};

TEST_F(PushOutboxTest, a_push_that_is_sent_ends_once) {
    add(1);
    const auto numbers = hand_out();
    ASSERT_EQ(numbers.size(), 1U);
    EXPECT_TRUE(outbox_.take_due(now_).empty());
    const auto ended = answer(numbers[0]);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->what, What::sent);
    EXPECT_EQ(ended->key, key(1));
    EXPECT_FALSE(answer(numbers[0]));
    EXPECT_FALSE(outbox_.has_flights());
    EXPECT_EQ(outbox_.in_memory(), 0U);
}

TEST_F(PushOutboxTest, one_that_fails_waits_ever_longer_with_jitter_and_no_more_than_ten_minutes) {
    add(1);
    Millis least{500};
    for (int attempt = 1; attempt < 15; ++attempt) {
        const auto numbers = hand_out();
        ASSERT_EQ(numbers.size(), 1U) << attempt;
        const auto ended = fail(numbers[0]);
        ASSERT_TRUE(ended && ended->what == What::retries);
        EXPECT_EQ(ended->push.attempts, static_cast<unsigned>(attempt));
        EXPECT_EQ(ended->push.error, "busy");
        const auto pause = ended->push.due - wall();
        EXPECT_GE(pause, least);
        EXPECT_LE(pause, 2 * least);
        least = std::min(2 * least, Millis{300'000});
        now_ += std::chrono::duration_cast<Tick>(pause) - Tick{1};
        EXPECT_TRUE(outbox_.take_due(now_).empty());
        now_ += Tick{1};
    }
}

TEST_F(PushOutboxTest, what_the_provider_asks_for_is_waited) {
    add(1);
    const auto ended = fail(hand_out()[0], Millis{60'000});
    EXPECT_EQ(ended->push.due - wall(), Millis{60'000});
}

TEST_F(PushOutboxTest, only_the_targets_that_failed_are_tried_again_and_a_registration_that_is_gone_is_told) {
    const PushRegistration registration{"fcm", "{}"};
    add(1);
    const auto numbers = hand_out({{0, {}, {}}, {1, DeviceId{7}, registration}, {1, DeviceId{8}, registration}});
    ASSERT_EQ(numbers.size(), 3U);
    EXPECT_EQ(fail(numbers[0])->what, What::goes_on);
    const auto gone = answer(numbers[1], {Delivered::Kind::gone, {}, {}});
    EXPECT_EQ(gone->gone, DeviceId{7});
    EXPECT_EQ(gone->registration, registration);
    const auto ended = answer(numbers[2]);
    EXPECT_EQ(ended->what, What::retries);
    EXPECT_EQ(ended->push.done, (std::vector<PushTarget>{{"phones", DeviceId{7}}, {"phones", DeviceId{8}}}));
}

TEST_F(PushOutboxTest, no_answer_by_the_deadline_is_a_failure_and_a_later_one_is_dropped) {
    add(1);
    const auto numbers = hand_out();
    now_ += Tick{499};
    EXPECT_TRUE(outbox_.end_late(wall(), now_).empty());
    now_ += Tick{1};
    const auto late = outbox_.end_late(wall(), now_);
    ASSERT_EQ(late.size(), 1U);
    EXPECT_EQ(late[0].what, What::retries);
    EXPECT_FALSE(answer(numbers[0]));
    EXPECT_EQ(outbox_.figures()[0].late, 1U);
}

TEST_F(PushOutboxTest, given_up_after_so_many_attempts_or_so_much_time) {
    limits_.push_max_attempts = 2;
    add(1);
    auto ended = fail(hand_out()[0]);
    now_ += std::chrono::duration_cast<Tick>(ended->push.due - wall());
    ended = fail(hand_out()[0]);
    EXPECT_EQ(ended->what, What::dead);
    EXPECT_EQ(ended->reason, DeadReason::attempts);
    limits_.push_max_attempts = 100;
    add(2, {.since = wall() - std::chrono::hours{24}, .due = wall(), .attempts = 5, .done = {}, .error = {}});
    ended = fail(hand_out()[0]);
    EXPECT_EQ(ended->what, What::dead);
    EXPECT_EQ(ended->reason, DeadReason::age);
    EXPECT_EQ(ended->push.attempts, 6U);
    EXPECT_EQ(outbox_.in_memory(), 0U);
}

TEST_F(PushOutboxTest, a_full_mailbox_costs_no_attempt) {
    add(1);
    const auto ended = outbox_.on_refused(hand_out()[0], wall(), now_);
    EXPECT_EQ(ended->what, What::goes_on);
    EXPECT_TRUE(outbox_.take_due(now_).empty());
    now_ += Tick{1'000};
    EXPECT_EQ(outbox_.take_due(now_).size(), 1U);
    EXPECT_EQ(outbox_.in_flight(key(1))->attempts, 0U);
}

TEST_F(PushOutboxTest, nothing_is_handed_to_a_plugin_whose_breaker_is_open) {
    for (std::uint64_t i = 1; i <= kBreakerFailures; ++i) {
        add(i);
        for (const auto number : hand_out()) answer(number, {Delivered::Kind::error, {}, "broke"});
    }
    add(100);
    EXPECT_TRUE(hand_out().empty());
    EXPECT_TRUE(outbox_.figures()[0].is_open);
    EXPECT_FALSE(outbox_.has_flights());
    now_ += std::chrono::duration_cast<Tick>(kBreakerPause);
    EXPECT_GE(hand_out().size(), 1U);
}

TEST_F(PushOutboxTest, a_message_that_was_changed_while_it_was_read_is_stale) {
    add(1);
    ASSERT_EQ(outbox_.take_due(now_).size(), 1U);
    EXPECT_FALSE(outbox_.is_stale(key(1)));
    outbox_.on_message_changed(key(1));
    outbox_.on_message_changed(key(2));
    EXPECT_TRUE(outbox_.is_stale(key(1)));
    outbox_.again(key(1), now_);
    EXPECT_EQ(outbox_.take_due(now_).size(), 1U);
    EXPECT_FALSE(outbox_.is_stale(key(1)));
}

TEST_F(PushOutboxTest, memory_holds_the_ones_that_are_due_first_and_a_sweep_finds_the_others) {
    outbox_.sweep(wall(), now_);
    outbox_.on_swept({}, wall(), now_);  // the table is empty
    EXPECT_FALSE(outbox_.sweep(wall(), now_));
    for (std::uint64_t i = 1; i <= 10; ++i)
        add(i, {.since = wall(), .due = wall() + Millis{10 - i}, .attempts = 0, .done = {}, .error = {}});
    EXPECT_EQ(outbox_.in_memory(), limits_.push_in_memory);
    now_ += Tick{10};
    EXPECT_FALSE(outbox_.sweep(wall(), now_)) << "there is no room";
    const auto keys = outbox_.take_due(now_);
    EXPECT_EQ(keys, (std::vector<PushKey>{key(10), key(9), key(8), key(7)}));
    for (const auto& each : keys) outbox_.end(each);
    const auto sweep = outbox_.sweep(wall(), now_);
    ASSERT_TRUE(sweep);
    EXPECT_FALSE(sweep->from);
    EXPECT_FALSE(outbox_.sweep(wall(), now_)) << "one page at a time";
    PushOutbox::Swept page{.due = {{key(1), {}}, {key(2), {}}}, .next = key(3), .next_due = {}, .looked_at = 2};
    outbox_.on_swept(page, wall(), now_);
    EXPECT_EQ(outbox_.take_due(now_).size(), 2U);
    now_ += Tick{10};
    EXPECT_EQ(outbox_.sweep(wall(), now_)->from, key(3));
}

TEST_F(PushOutboxTest, a_page_that_was_read_before_a_push_ended_does_not_bring_it_back) {
    add(1);
    const auto numbers = hand_out();
    ASSERT_TRUE(outbox_.sweep(wall(), now_));
    answer(numbers[0]);
    add(2);
    outbox_.on_swept({.due = {{key(1), {}}, {key(2), {}}}, .next = {}, .next_due = {}, .looked_at = 2}, wall(), now_);
    EXPECT_EQ(outbox_.take_due(now_), std::vector<PushKey>{key(2)});
}

TEST_F(PushOutboxTest, what_comes_later_is_looked_for_later_and_a_large_table_slowly) {
    ASSERT_TRUE(outbox_.sweep(wall(), now_));
    outbox_.on_swept({.due = {}, .next = {}, .next_due = wall() + Millis{60'000}, .looked_at = 20'000}, wall(), now_);
    EXPECT_EQ(outbox_.first_due(), now_ + Tick{60'000});
    now_ += Tick{59'999};
    EXPECT_FALSE(outbox_.sweep(wall(), now_));
    now_ += Tick{1};
    ASSERT_TRUE(outbox_.sweep(wall(), now_));
    outbox_.on_swept({.due = {}, .next = key(5), .next_due = {}, .looked_at = 20'000}, wall(), now_);
    now_ += Tick{1'999};
    EXPECT_FALSE(outbox_.sweep(wall(), now_)) << "no more than so many rows a second";
    now_ += Tick{1};
    EXPECT_TRUE(outbox_.sweep(wall(), now_));
}

}  // namespace
}  // namespace madang
