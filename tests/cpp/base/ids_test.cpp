#include "base/ids.hpp"

#include <unordered_set>

#include <gtest/gtest.h>

namespace madang::test {
namespace {

TEST(Ids, are_read_from_decimal_digits_alone) {
    EXPECT_EQ(parse_id<UserId>("1"), UserId{1});
    EXPECT_EQ(parse_id<UserId>("18446744073709551615"), UserId{UINT64_MAX});
    EXPECT_EQ(parse_id<UserId>("007"), UserId{7});
    for (const auto* bad :
         {"", "0", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "18446744073709551616", "99999999999999999999", "a", "１"})
        EXPECT_EQ(parse_id<UserId>(bad), std::nullopt) << bad;
}

TEST(Ids, are_written_as_they_are_read) {
    for (const auto value : {std::uint64_t{1}, std::uint64_t{1} << 53, UINT64_MAX})
        EXPECT_EQ(parse_id<Seq>(to_string(Seq{value})), Seq{value});
}

TEST(Ids, zero_is_none) {
    EXPECT_FALSE(Seq{});
    EXPECT_TRUE(next(Seq{}));
    EXPECT_EQ(next(Seq{41}), Seq{42});
}

TEST(Ids, carry_their_slot_in_the_low_twelve_bits) {
    EXPECT_EQ(slot_of(UserId{0xFFFF'F123}), 0x123);
    EXPECT_EQ(slot_of(ConversationId{4096}), 0);
}

TEST(Ids, engines_share_the_slots_evenly) {
    for (const unsigned engines : {1u, 2u, 3u, 7u}) {
        std::vector<unsigned> owned(engines);
        for (Slot slot = 0; slot < kSlots; ++slot) ++owned[owner_of(slot, engines)];
        for (const auto count : owned) EXPECT_NEAR(count, kSlots / engines, 1);
    }
}

TEST(Ids, of_one_slot_do_not_share_their_buckets) {
    std::unordered_set<std::size_t> low_bits;
    for (std::uint64_t n = 0; n < 1024; ++n) low_bits.insert(std::hash<UserId>{}(UserId{n << 12 | 5}) & 1023);
    EXPECT_GT(low_bits.size(), 500u);
}

}  // namespace
}  // namespace madang::test
