#include "chat/residents.hpp"

#include <gtest/gtest.h>

#include "base/ids.hpp"

namespace madang {
namespace {

struct Thing {
    int number = 0;
    bool busy = false;
};
using Things = Residents<UserId, Thing>;

std::unique_ptr<Thing> thing(int number, bool busy = false) { return std::make_unique<Thing>(Thing{number, busy}); }

TEST(Residents, everything_parked_goes_on_in_order_once_loaded) {
    Things things;
    std::vector<int> order;
    EXPECT_TRUE(things.park(UserId{1}, [&](Result<Thing*> found) { order.push_back((*found)->number); }));
    EXPECT_FALSE(things.park(UserId{1}, [&](Result<Thing*> found) { order.push_back((*found)->number + 1); }));
    EXPECT_EQ(things.parked(), 2u);
    things.loaded(UserId{1}, thing(10));
    EXPECT_EQ(order, (std::vector{10, 11}));
    EXPECT_EQ(things.parked(), 0u);
    EXPECT_EQ(things.find(UserId{1})->number, 10);
}

TEST(Residents, absent_and_unreadable_are_told_apart_and_leave_nothing) {
    Things things;
    int absent = 0, unreadable = 0;
    things.park(UserId{1}, [&](Result<Thing*> found) { absent += found && *found == nullptr; });
    things.park(UserId{2}, [&](Result<Thing*> found) { unreadable += !found; });
    things.loaded(UserId{1}, nullptr);
    things.loaded(UserId{2}, fail(Code::internal, "broken"));
    EXPECT_EQ(absent, 1);
    EXPECT_EQ(unreadable, 1);
    EXPECT_EQ(things.size(), 0u);
}

TEST(Residents, one_parked_may_park_again) {
    Things things;
    bool again = false;
    things.park(UserId{1}, [&](Result<Thing*>) { EXPECT_TRUE(things.park(UserId{1}, [&](Result<Thing*>) { again = true; })); });
    things.loaded(UserId{1}, nullptr);
    things.loaded(UserId{1}, nullptr);
    EXPECT_TRUE(again);
}

TEST(Residents, what_is_in_memory_is_newer_than_what_was_loaded) {
    Things things;
    int seen = 0;
    things.park(UserId{1}, [&](Result<Thing*> found) { seen = (*found)->number; });
    things.insert(UserId{1}, thing(2));
    things.loaded(UserId{1}, thing(1));
    EXPECT_EQ(seen, 2);
}

TEST(Residents, least_recently_used_idle_one_goes_first) {
    Things things;
    for (int i = 1; i <= 4; ++i) things.insert(UserId{static_cast<std::uint64_t>(i)}, thing(i, i == 2));
    things.find(UserId{1});
    const auto idle = [](const Thing& each) { return !each.busy; };
    EXPECT_EQ(things.evict(2, 100, idle), 2u);
    EXPECT_TRUE(things.find(UserId{1}));
    EXPECT_TRUE(things.find(UserId{2}));  // busy
    EXPECT_FALSE(things.find(UserId{3}));
    EXPECT_FALSE(things.find(UserId{4}));
}

TEST(Residents, busy_ones_at_the_end_do_not_hide_idle_ones_for_ever) {
    Things things;
    things.insert(UserId{100}, thing(100));
    for (std::uint64_t i = 1; i <= 10; ++i) things.insert(UserId{i}, thing(0, true));
    things.find(UserId{100});  // the idle one is now the most recently used
    const auto idle = [](const Thing& each) { return !each.busy; };
    std::size_t dropped = 0;
    for (int rounds = 0; rounds < 10; ++rounds) dropped += things.evict(10, 2, idle);
    EXPECT_EQ(dropped, 1u);
    EXPECT_FALSE(things.find(UserId{100}));
}

}  // namespace
}  // namespace madang
