#include "chat/relations.hpp"

#include <gtest/gtest.h>

namespace madang::test {
namespace {

Relation relation(std::uint64_t other, FriendState state, bool blocks = false, bool blocked_by = false) {
    return {UserId{other}, 1, state, blocks, blocked_by};
}

TEST(Relations, strangers_are_neither_friends_nor_blocked) {
    const Relations relations;
    EXPECT_FALSE(relations.are_friends(UserId{1}));
    EXPECT_FALSE(relations.is_blocked(UserId{1}));
    EXPECT_EQ(relations.find(UserId{1}), nullptr);
}

TEST(Relations, friends_are_friends_only_while_nobody_blocks) {
    Relations relations(
        {relation(1, FriendState::friends), relation(2, FriendState::friends, false, true), relation(3, FriendState::asked)});
    EXPECT_TRUE(relations.are_friends(UserId{1}));
    EXPECT_FALSE(relations.are_friends(UserId{2}));
    EXPECT_FALSE(relations.are_friends(UserId{3}));
    relations.put(relation(1, FriendState::none, true));
    EXPECT_FALSE(relations.are_friends(UserId{1}));
}

TEST(Relations, a_block_counts_either_way) {
    const Relations relations({relation(1, FriendState::none, true), relation(2, FriendState::none, false, true)});
    EXPECT_TRUE(relations.is_blocked(UserId{1}));
    EXPECT_TRUE(relations.is_blocked(UserId{2}));
    EXPECT_TRUE(relations.blocks(UserId{1}));
    EXPECT_FALSE(relations.blocks(UserId{2}));
}

TEST(Relations, counts_follow_every_change) {
    Relations relations({relation(5, FriendState::requested)});
    relations.put(relation(2, FriendState::none, true));
    relations.put(relation(9, FriendState::friends));
    EXPECT_EQ(relations.friends(), 2u);
    EXPECT_EQ(relations.blocks(), 1u);
    relations.put(relation(5, FriendState::none));
    relations.put(relation(2, FriendState::none));
    EXPECT_EQ(relations.friends(), 1u);
    EXPECT_EQ(relations.blocks(), 0u);
    EXPECT_EQ(relations.neutral(), 2u);
    relations.drop_neutral();
    EXPECT_EQ(relations.neutral(), 0u);
    ASSERT_EQ(relations.all().size(), 1u);
    EXPECT_EQ(relations.all().front().other, UserId{9});
}

}  // namespace
}  // namespace madang::test
