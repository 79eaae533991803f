#include "store/keys.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "base/random.hpp"
#include "rows.hpp"
#include "store/memory_store.hpp"
#include "store/text_key.hpp"

namespace madang::test {
namespace {

TEST(Keys, ids_are_big_endian_so_that_bytes_sort_as_numbers) {
    EXPECT_EQ(std::string(Key(0x0102030405060708)), std::string("\1\2\3\4\5\6\7\10"));
    const std::vector<std::uint64_t> rising{0, 1, 255, 256, 65'535, 65'536, 1ull << 40, UINT64_MAX};
    for (std::size_t i = 1; i < rising.size(); ++i) {
        EXPECT_LT(std::string(Key(rising[i - 1])), std::string(Key(rising[i])));
        EXPECT_LT(std::string(Key(7, rising[i - 1])), std::string(Key(7, rising[i])));
        EXPECT_EQ(id_in(Key(7, rising[i]), 8), rising[i]);
    }
}

TEST(Keys, a_pair_has_one_key_whoever_asks) {
    EXPECT_EQ(std::string(pair_key(UserId{3}, UserId{9})), std::string(pair_key(UserId{9}, UserId{3})));
    EXPECT_EQ(id_in(pair_key(UserId{9}, UserId{3})), 3u);
    EXPECT_NE(std::string(pair_key(UserId{3}, UserId{9})), std::string(pair_key(UserId{3}, UserId{8})));
}

// The layout is on people's disks: these bytes never change without a new format version.
TEST(Keys, the_layout_of_keys_with_text_is_fixed) {
    using namespace std::string_literals;
    EXPECT_EQ(send_key(ConversationId{1}, UserId{2}, "c-1"), "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2c-1"s);
    EXPECT_EQ(creation_key(UserId{2}, "c-1"), "\0\0\0\0\0\0\0\2c-1"s);
    EXPECT_EQ(meta_key("text_key"), "\0\0\0\0\0\0\0\0text_key"s);
    const auto name = name_key("alice");
    EXPECT_EQ(id_in(name), slot_of_name("alice"));
    EXPECT_EQ(name.substr(8), "alice");
}

TEST(Tables, have_names_that_differ) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < kTables; ++i) names.insert(name_of(static_cast<Table>(i)));
    EXPECT_EQ(names.size(), kTables);
    EXPECT_EQ(name_of(Table::meta), "meta");
    EXPECT_EQ(name_of(Table::user_conversation), "user_conversation");
    EXPECT_EQ(name_of(Table::epoch), "epoch");
}

TEST(Batch, shows_its_rows_in_order_and_forgets_them_when_cleared) {
    Batch batch;
    batch.put(Table::message, Key(1, 1), "one");
    batch.erase(Table::journal, Key(1, 1));
    batch.fence(5, 9);
    std::vector<std::string> seen;
    batch.for_each([&](const Batch::Row& row) {
        seen.push_back(std::string(name_of(row.table)) + (row.erase ? " erase " : " put ") + std::string(row.value));
    });
    EXPECT_EQ(seen, (std::vector<std::string>{"message put one", "journal erase "}));
    EXPECT_EQ(batch.size(), 2u);
    ASSERT_EQ(batch.fences().size(), 1u);
    batch.clear();
    EXPECT_TRUE(batch.empty());
    EXPECT_TRUE(batch.fences().empty());
    EXPECT_EQ(batch.bytes(), 0u);
}

TEST(TextKey, is_made_once_and_then_kept) {
    MemoryStore store;
    SeededRandom random(1);
    const auto first = text_key(store, random);
    const auto second = text_key(store, random);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(*first, *second);
    MemoryStore other;
    const auto another = text_key(other, random);
    ASSERT_TRUE(another);
    EXPECT_NE(*first, *another);
}

TEST(TextKey, is_not_replaced_when_damaged_nor_invented_when_it_could_not_be_written) {
    SeededRandom random(1);
    MemoryStore store;
    ASSERT_EQ(store.append(put(Table::meta, meta_key("text_key"), "short")), Outcome::durable);
    const auto damaged = text_key(store, random);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().code, Code::internal);

    MemoryStore full;
    full.set_space(false);
    const auto refused = text_key(full, random);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::storage_full);
}

}  // namespace
}  // namespace madang::test
