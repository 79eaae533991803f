#include "server/handle_table.hpp"

#include <memory>
#include <set>

#include <gtest/gtest.h>

namespace madang::server {
namespace {

TEST(HandleTable, value_is_found_until_taken) {
    HandleTable<int> table;
    const auto handle = table.put(7);
    EXPECT_EQ(*table.find(handle), 7);
    EXPECT_EQ(table.take(handle), 7);
    EXPECT_EQ(table.find(handle), nullptr);
    EXPECT_EQ(table.take(handle), std::nullopt);
    EXPECT_EQ(table.size(), 0u);
}

TEST(HandleTable, number_of_a_place_used_again_is_new) {
    HandleTable<int> table{3};
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1'000; ++i) {
        const auto handle = table.put(i);
        EXPECT_TRUE(seen.insert(handle).second);
        EXPECT_EQ(handle >> 56, 3u);
        EXPECT_EQ(table.take(handle), i);
    }
}

TEST(HandleTable, nothing_is_found_under_zero_or_foreign_numbers) {
    HandleTable<int> table;
    table.put(1);
    EXPECT_EQ(table.find(0), nullptr);
    EXPECT_EQ(table.find(~std::uint64_t{0}), nullptr);
}

TEST(HandleTable, a_value_that_comes_back_while_the_table_is_cleared_does_no_harm) {
    struct Busy {
        HandleTable<std::unique_ptr<Busy>>* table;
        ~Busy() { table->take(1); }
    };
    HandleTable<std::unique_ptr<Busy>> table;
    table.put(std::make_unique<Busy>(&table));
    table.put(std::make_unique<Busy>(&table));
    table.clear();
    EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace madang::server
