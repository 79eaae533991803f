#include "chat/admission.hpp"

#include <gtest/gtest.h>

namespace madang {
namespace {

const Time kNow{Millis{1'800'000'000'000}};

Ban ban(std::uint64_t user) { return {.user = {.id = UserId{user}}, .actor = UserId{1}, .created_at = kNow}; }
Invite invite(std::uint8_t secret) { return {.secret = {secret}, .creator = UserId{1}, .created_at = kNow}; }

TEST(Admission, keeps_bans_and_invites_in_order_of_their_keys) {
    Admission admission({ban(9), ban(2)}, {invite(7), invite(3)});
    admission.add(ban(5));
    admission.add(invite(5));
    ASSERT_EQ(admission.bans().size(), 3u);
    EXPECT_EQ(admission.bans()[1].user.id, UserId{5});
    ASSERT_EQ(admission.invites().size(), 3u);
    EXPECT_EQ(admission.invites()[1].secret, InviteSecret{5});
    EXPECT_NE(admission.find_ban(UserId{9}), nullptr);
    EXPECT_EQ(admission.find_ban(UserId{8}), nullptr);
    admission.remove_ban(UserId{9});
    EXPECT_EQ(admission.find_ban(UserId{9}), nullptr);
    admission.remove_ban(UserId{9});
    EXPECT_EQ(admission.bans().size(), 2u);
    admission.remove_invite({3});
    EXPECT_EQ(admission.find_invite({3}), nullptr);
    EXPECT_NE(admission.find_invite({7}), nullptr);
}

TEST(Admission, an_invite_lives_until_its_time_or_its_uses_are_over) {
    auto one = invite(1);
    EXPECT_TRUE(one.is_live(kNow + std::chrono::hours{100'000}));
    one.expires_at = kNow + Millis{10};
    EXPECT_TRUE(one.is_live(kNow + Millis{9}));
    EXPECT_FALSE(one.is_live(kNow + Millis{10}));
    auto two = invite(2);
    two.max_uses = 2;
    Admission admission({}, {two});
    EXPECT_TRUE(admission.count_use({2}).is_live(kNow));
    EXPECT_FALSE(admission.count_use({2}).is_live(kNow));
}

}  // namespace
}  // namespace madang
