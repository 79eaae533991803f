#include "store/feed_records.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace madang {
namespace {

TEST(FeedRecordsTest, keys_of_the_index_sort_by_run_stream_and_row) {
    const std::vector<std::string> keys{commit_key({1, 0, 1}),     commit_key({1, 0, 2}), commit_key({1, 0, 256}), commit_key({1, 1, 1}),
                                        commit_key({1, 0x100, 1}), commit_key({2, 0, 1}), commit_key({256, 0, 1})};
    EXPECT_TRUE(std::ranges::is_sorted(keys));
    EXPECT_EQ(commit_place_in(keys[4]).value(), (CommitPlace{1, 0x100, 1}));
    EXPECT_FALSE(commit_place_in("short"));
}

TEST(FeedRecordsTest, a_row_is_what_was_written) {
    const CommitRow row{.total = 300, .entries = {{ConversationId{7}, Seq{1}}, {ConversationId{1ull << 60}, Seq{400}}}};
    std::string bytes;
    encode(row, bytes);
    EXPECT_EQ(decode_commit_row(bytes).value(), row);
    EXPECT_FALSE(decode_commit_row(bytes + "x"));
    EXPECT_FALSE(decode_commit_row(std::string_view(bytes).substr(0, bytes.size() - 1)));
    bytes[0] = 9;
    EXPECT_FALSE(decode_commit_row(bytes));
    std::string none;
    encode(CommitRow{.total = 1, .entries = {}}, none);
    EXPECT_FALSE(decode_commit_row(none));
}

TEST(FeedRecordsTest, a_mark_is_what_was_written) {
    const FeedMark mark{.position = 1'000, .run = 3, .streams = {{0, {.row = 5, .taken = 2, .total = 90}}, {2, {.row = 1}}}};
    std::string bytes;
    encode(mark, bytes);
    EXPECT_EQ(decode_feed_mark(bytes).value(), mark);
    EXPECT_FALSE(decode_feed_mark(bytes + "x"));
    EXPECT_FALSE(decode_feed_mark(std::string_view(bytes).substr(0, bytes.size() - 1)));
}

TEST(FeedRecordsTest, the_rows_of_a_plugin_lie_between_its_ends) {
    const auto is_inside = [](const std::string& plugin, const std::string& prefix, const std::string& key) {
        return plugin_store_key(plugin, prefix) <= key && key < plugin_store_end(plugin, prefix);
    };
    EXPECT_TRUE(is_inside("House", "", plugin_store_key("House", "a")));
    EXPECT_TRUE(is_inside("House", "", plugin_store_key("House", "\xFF\xFF")));
    EXPECT_TRUE(is_inside("House", "\xFF", plugin_store_key("House", "\xFF\xFF")));
    EXPECT_TRUE(is_inside("House", "seen/", plugin_store_key("House", "seen/1")));
    EXPECT_FALSE(is_inside("House", "seen/", plugin_store_key("House", "seen0")));
    EXPECT_FALSE(is_inside("House", "", plugin_store_key("House-2", "a")));
    EXPECT_FALSE(is_inside("House-2", "", plugin_store_key("House", "a")));
    EXPECT_EQ(key_in_plugin_store("House", plugin_store_key("House", "a")), "a");
}

}  // namespace
}  // namespace madang
