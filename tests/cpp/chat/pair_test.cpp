#include "chat/pair.hpp"

#include <gtest/gtest.h>

namespace madang::test {
namespace {

constexpr std::size_t kLower = 0, kHigher = 1;

Pair acted(Pair pair, std::size_t side, RelationAct act) {
    auto next = after(pair, side, act);
    EXPECT_TRUE(next) << next.error().detail;
    return next.value_or(pair);
}

TEST(PairRules, asking_is_shown_to_both_from_their_sides) {
    for (const auto side : {kLower, kHigher}) {
        const auto pair = acted({}, side, RelationAct::befriend);
        EXPECT_EQ(shown_to(side, pair), FriendState::requested);
        EXPECT_EQ(shown_to(1 - side, pair), FriendState::asked);
        EXPECT_EQ(acted(pair, side, RelationAct::befriend), pair) << "asking again changes nothing";
    }
}

TEST(PairRules, who_is_asked_accepts_by_asking) {
    const auto asked = acted({}, kHigher, RelationAct::befriend);
    const auto friends = acted(asked, kLower, RelationAct::befriend);
    EXPECT_EQ(shown_to(kLower, friends), FriendState::friends);
    EXPECT_EQ(shown_to(kHigher, friends), FriendState::friends);
    EXPECT_EQ(acted(friends, kHigher, RelationAct::befriend), friends);
}

TEST(PairRules, either_side_ends_it) {
    const auto asked = acted({}, kLower, RelationAct::befriend);
    EXPECT_EQ(acted(asked, kLower, RelationAct::unfriend), Pair{}) << "withdrawn";
    EXPECT_EQ(acted(asked, kHigher, RelationAct::unfriend), Pair{}) << "refused";
    const auto friends = acted(asked, kHigher, RelationAct::befriend);
    EXPECT_EQ(acted(friends, kHigher, RelationAct::unfriend), Pair{}) << "removed";
}

TEST(PairRules, a_block_hides_from_who_sets_it_and_shows_the_other_one_nothing) {
    const auto asked = acted({}, kLower, RelationAct::befriend);
    const auto friends = acted(asked, kHigher, RelationAct::befriend);
    const auto blocked = acted(friends, kHigher, RelationAct::block);
    EXPECT_EQ(shown_to(kHigher, blocked), FriendState::none);
    EXPECT_EQ(shown_to(kLower, blocked), FriendState::friends);
    EXPECT_TRUE(blocked.is_closed());
    EXPECT_EQ(acted(blocked, kHigher, RelationAct::unblock), friends) << "lifting it restores everything";
}

TEST(PairRules, who_blocks_may_not_ask_and_who_is_blocked_asks_unheard) {
    const auto blocked = acted({}, kHigher, RelationAct::block);
    const auto refused = after(blocked, kHigher, RelationAct::befriend);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::blocked);
    const auto asked = acted(blocked, kLower, RelationAct::befriend);
    EXPECT_EQ(shown_to(kLower, asked), FriendState::requested);
    EXPECT_EQ(shown_to(kHigher, asked), FriendState::none);
    EXPECT_EQ(shown_to(kHigher, acted(asked, kHigher, RelationAct::unblock)), FriendState::asked);
}

TEST(PairRules, a_block_is_lifted_by_who_set_it_alone) {
    const auto both = acted(acted({}, kLower, RelationAct::block), kHigher, RelationAct::block);
    const auto one = acted(both, kLower, RelationAct::unblock);
    EXPECT_TRUE(one.is_closed());
    EXPECT_FALSE(acted(one, kHigher, RelationAct::unblock).is_closed());
}

TEST(PairRules, a_copy_says_who_blocks_whom) {
    auto pair = acted({}, kLower, RelationAct::block);
    pair.version = 7;
    EXPECT_EQ(relation_of(kLower, pair, UserId{9}), (Relation{UserId{9}, 7, FriendState::none, true, false}));
    EXPECT_EQ(relation_of(kHigher, pair, UserId{3}), (Relation{UserId{3}, 7, FriendState::none, false, true}));
}

}  // namespace
}  // namespace madang::test
