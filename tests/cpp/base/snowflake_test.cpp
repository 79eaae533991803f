#include "base/snowflake.hpp"

#include <set>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace madang::test {
namespace {

constexpr Time kStart = kIdEpoch + Millis{1'000'000};

TEST(IdGenerator, composes_time_worker_and_slot) {
    ManualClock clock(kStart);
    IdGenerator ids(5, clock);
    const auto user = ids.user(0x123);
    EXPECT_EQ(slot_of(user), 0x123);
    EXPECT_EQ(user.value >> 12 & 1023, 5u);
    EXPECT_EQ(user.value >> 22, 1'000'000u);
    EXPECT_EQ(time_of(ids.message(MessageId{})), kStart);
}

TEST(IdGenerator, a_taken_millisecond_of_a_slot_takes_the_next) {
    ManualClock clock(kStart);
    IdGenerator ids(0, clock);
    const auto one = ids.user(7);
    const auto two = ids.conversation(7);
    const auto elsewhere = ids.user(8);
    EXPECT_EQ((two.value >> 22) - (one.value >> 22), 1u) << "users and conversations of a slot share its time";
    EXPECT_EQ(elsewhere.value >> 22, one.value >> 22);
}

// Restarts, clocks that jump both ways, floods: no id comes twice, and each is greater than the one before.
TEST(IdGenerator, ids_are_unique_and_rise_through_restarts_and_clock_steps) {
    SeededRandom random(11);
    ManualClock clock(kStart);
    std::set<std::uint64_t> seen;
    std::array<std::uint64_t, 3> last_of_slot{};
    MessageId last_message;
    auto ids = std::make_unique<IdGenerator>(1, clock);
    std::uint64_t greatest = 0;
    for (int i = 0; i < 200'000; ++i) {
        switch (random.next() % 100) {
            case 0: clock.set_wall(clock.now() - Millis{static_cast<std::int64_t>(random.next() % 100'000)}); break;
            case 1: clock.advance(Millis{static_cast<std::int64_t>(random.next() % 50)}); break;
            case 2:
                ids = std::make_unique<IdGenerator>(1, clock);
                ids->pass(greatest);
                break;
            default: break;
        }
        if (random.next() % 2) {
            const auto slot = static_cast<Slot>(random.next() % 3);
            const auto id = ids->user(slot).value;
            ASSERT_GT(id, last_of_slot[slot]);
            ASSERT_TRUE(seen.insert(id).second);
            last_of_slot[slot] = id;
            greatest = std::max(greatest, id);
        } else {
            const auto id = ids->message(MessageId{});
            ASSERT_GT(id, last_message);
            last_message = id;
            greatest = std::max(greatest, id.value);
        }
    }
}

TEST(IdGenerator, a_message_id_is_greater_than_the_last_of_its_conversation) {
    ManualClock clock(kStart);
    IdGenerator here(3, clock);
    clock.set_wall(kStart + Millis{60'000});
    IdGenerator ahead(900, clock);
    const auto theirs = ahead.message(MessageId{});  // of an engine whose clock was a minute ahead
    clock.set_wall(kStart);
    const auto ours = here.message(theirs);
    EXPECT_GT(ours, theirs);
    EXPECT_GT(here.message(MessageId{}), ours) << "and so for every later one";
}

TEST(IdGenerator, more_messages_than_a_millisecond_holds_take_the_next) {
    ManualClock clock(kStart);
    IdGenerator ids(0, clock);
    MessageId last;
    for (int i = 0; i < 3 * 4096 + 1; ++i) {
        const auto id = ids.message(last);
        ASSERT_GT(id, last);
        last = id;
    }
    EXPECT_EQ(time_of(last), kStart + Millis{3});
}

TEST(IdGenerator, two_workers_never_meet) {
    ManualClock clock(kStart);
    IdGenerator one(1, clock), two(2, clock);
    std::set<std::uint64_t> ids;
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(ids.insert(one.message(MessageId{}).value).second);
        ASSERT_TRUE(ids.insert(two.message(MessageId{}).value).second);
    }
}

TEST(IdGenerator, a_clock_before_the_epoch_still_gives_rising_ids) {
    ManualClock clock(kIdEpoch - Millis{5});
    IdGenerator ids(0, clock);
    const auto one = ids.user(0);
    const auto two = ids.user(0);
    EXPECT_TRUE(one);
    EXPECT_GT(two, one);
}

}  // namespace
}  // namespace madang::test
