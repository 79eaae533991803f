#include "server/plugin_store.hpp"

#include <gtest/gtest.h>

#include "store/memory_store.hpp"

namespace madang::server {
namespace {

class PluginStoreTest : public ::testing::Test {
  protected:
    PluginStoreTest() { house_.open(store_, epoch_), other_.open(store_, epoch_); }

    MemoryStore store_;
    Epoch epoch_ = store_.claim_all().value();
    PluginStore house_{"House"}, other_{"House-2"};
};

TEST_F(PluginStoreTest, each_plugin_has_its_own) {
    ASSERT_TRUE(house_.put("a", "1"));
    EXPECT_EQ(house_.get("a").value(), "1");
    EXPECT_EQ(other_.get("a").value(), std::nullopt);
    EXPECT_TRUE(other_.scan("", "", 10).value().empty());
    EXPECT_TRUE(house_.erase("a").value());
    EXPECT_FALSE(house_.erase("a").value());
}

TEST_F(PluginStoreTest, a_scan_goes_on_behind_a_key) {
    for (const auto* key : {"b", "a", "aa", "c"}) ASSERT_TRUE(house_.put(key, "x"));
    const auto keys = [&](std::string_view prefix, std::string_view after, std::size_t limit) {
        std::string all;
        const auto rows = house_.scan(prefix, after, limit).value();
        for (const auto& [key, value] : rows) all += key + " ";
        return all;
    };
    EXPECT_EQ(keys("", "", 2), "a aa ");
    EXPECT_EQ(keys("", "aa", 2), "b c ");
    EXPECT_EQ(keys("a", "", 9), "a aa ");
    EXPECT_EQ(keys("a", "a", 9), "aa ");
}

TEST_F(PluginStoreTest, limits_refuse_and_change_nothing) {
    EXPECT_EQ(house_.put("", "x").error().code, Code::bad_request);
    EXPECT_EQ(house_.put(std::string(kPluginKeyBytes + 1, 'k'), "x").error().code, Code::bad_request);
    ASSERT_TRUE(house_.put("k", "before"));
    EXPECT_EQ(house_.put("k", std::string(kPluginValueBytes + 1, 'v')).error().code, Code::bad_request);
    EXPECT_EQ(house_.get("k").value(), "before");
}

TEST_F(PluginStoreTest, its_size_is_bounded_also_after_a_restart_and_room_is_given_back) {
    const std::string value(kPluginValueBytes, 'v');
    const auto full = kPluginStoreBytes / kPluginValueBytes;
    for (std::size_t i = 0; i + 1 < full; ++i) ASSERT_TRUE(house_.put("key" + std::to_string(i), value));
    house_.open(store_, epoch_);
    EXPECT_TRUE(house_.put("last", std::string(kPluginValueBytes / 2, 'v')));
    EXPECT_EQ(house_.put("more", value).error().code, Code::bad_request);
    EXPECT_TRUE(house_.put("key0", value));  // in place of the old one
    EXPECT_TRUE(house_.erase("key1").value());
    EXPECT_TRUE(house_.put("more", value));
}

TEST_F(PluginStoreTest, a_write_in_doubt_is_repeated_and_a_full_disk_is_said) {
    auto faults = std::vector{Fault::in_doubt_lost, Fault::in_doubt_applied, Fault::none};
    store_.set_plan([&](const Batch&) {
        const auto fault = faults.front();
        faults.erase(faults.begin());
        return fault;
    });
    EXPECT_TRUE(house_.put("a", "1"));
    store_.set_plan([](const Batch&) { return Fault::full; });
    EXPECT_EQ(house_.put("a", "2").error().code, Code::storage_full);
    EXPECT_EQ(house_.get("a").value(), "1");
    store_.set_plan([](const Batch&) { return Fault::in_doubt_lost; });
    EXPECT_EQ(house_.put("a", "3").error().code, Code::unavailable);
}

TEST_F(PluginStoreTest, closed_or_under_another_owner_it_answers_with_errors) {
    (void)store_.claim_all();
    EXPECT_EQ(house_.put("a", "1").error().code, Code::unavailable);
    house_.close();
    EXPECT_EQ(house_.get("a").error().code, Code::unavailable);
    EXPECT_EQ(house_.put("a", "1").error().code, Code::unavailable);
    EXPECT_EQ(house_.erase("a").error().code, Code::unavailable);
    EXPECT_EQ(house_.scan("", "", 1).error().code, Code::unavailable);
}

}  // namespace
}  // namespace madang::server
