#include "chat/conversation_log.hpp"

#include <gtest/gtest.h>

namespace madang {
namespace {

constexpr UserId kOwner{10}, kAdmin{20}, kMember{30}, kStranger{40};
const Time kWhen{std::chrono::milliseconds{1'800'000'000'000}};

Member member(UserId id, Role role) {
    return {.user = {.id = id, .username = "u" + to_string(id)}, .role = role, .stays = {{Seq{1}, Seq{}}}};
}

ConversationLog group() {
    ConversationLog log({.id = ConversationId{5}, .kind = ConversationKind::group, .title = "t", .creator = kOwner, .created_at = kWhen},
                        {member(kMember, Role::member), member(kAdmin, Role::admin), member(kOwner, Role::owner)});
    log.append_creation(kWhen);
    return log;
}

ConversationLog direct() {
    ConversationLog log({.id = ConversationId{5}, .kind = ConversationKind::direct, .creator = kOwner, .created_at = kWhen},
                        {member(kMember, Role::member), member(kOwner, Role::member)});
    log.append_creation(kWhen);
    return log;
}

template <typename T>
Code code_of(const Result<T>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? Code::internal : result.error().code;
}

TEST(ConversationLog, creation_is_one_entry_for_itself_and_one_for_each_first_member_the_creator_first) {
    ConversationLog log({.id = ConversationId{5}, .kind = ConversationKind::group, .creator = kOwner},
                        {member(kMember, Role::member), member(kOwner, Role::owner)});
    const auto entries = log.append_creation(kWhen);
    ASSERT_EQ(entries.size(), 3u);
    EXPECT_EQ(entries[0]->type, EntryType::conversation_created);
    EXPECT_EQ(entries[1]->change->member.user.id, kOwner);
    EXPECT_EQ(entries[2]->change->member.user.id, kMember);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(entries[i]->seq, Seq{i + 1});
    for (const auto& each : log.members()) EXPECT_TRUE(each.addressed(Seq{1}));
}

TEST(ConversationLog, strangers_and_leavers_are_told_different_things) {
    auto log = group();
    EXPECT_EQ(code_of(log.require_member(kStranger)), Code::not_found);
    log.append_left(kMember, kMember, kWhen);
    EXPECT_EQ(code_of(log.require_member(kMember)), Code::not_a_member);
    EXPECT_EQ(code_of(log.may_write(kMember, kWhen)), Code::not_a_member);
}

TEST(ConversationLog, membership_is_known_as_of_every_seq) {
    auto log = group();  // 4 entries
    const auto left = log.append_left(kMember, kMember, kWhen);
    log.append_updated({.actor = {kOwner, {}}, .conversation = {}, .title = "x", .history = {}, .invite = {}, .mention_all = {}}, kWhen);
    const auto back = log.append_joined({.id = kMember, .username = "u30"}, Role::member, {}, kOwner, kWhen);
    const auto& row = *log.find_member(kMember);
    EXPECT_TRUE(row.addressed(left->seq));
    EXPECT_FALSE(row.addressed(Seq{6}));
    EXPECT_TRUE(row.addressed(back->seq));
    EXPECT_EQ(row.addressed_before(left->seq), Seq{4});
    EXPECT_EQ(row.addressed_before(back->seq), left->seq);  // the chain goes on where it ended
    EXPECT_EQ(row.addressed_before(Seq{1}), Seq{});
    EXPECT_EQ(row.joined_seq(), back->seq);
}

TEST(ConversationLog, rights_go_by_rank) {
    auto log = group();
    EXPECT_TRUE(log.may_update(kAdmin));
    EXPECT_EQ(code_of(log.may_update(kMember)), Code::forbidden);
    EXPECT_TRUE(log.may_remove(kOwner, kAdmin));
    EXPECT_EQ(code_of(log.may_remove(kAdmin, kOwner)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_remove(kMember, kAdmin)), Code::forbidden);
    EXPECT_TRUE(log.may_remove(kMember, kMember));
    EXPECT_EQ(code_of(log.may_remove(kOwner, kStranger)), Code::not_found);
    EXPECT_TRUE(log.may_change(kOwner, kMember, Role::admin));
    EXPECT_EQ(code_of(log.may_change(kAdmin, kMember, Role::admin)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_change(kMember, kMember, Role::admin)), Code::forbidden);
}

TEST(ConversationLog, owner_and_admins_ban_whom_they_outrank_and_those_who_are_not_there) {
    auto log = group();
    EXPECT_TRUE(log.may_ban(kOwner, kAdmin));
    EXPECT_TRUE(log.may_ban(kAdmin, kMember));
    EXPECT_TRUE(log.may_ban(kAdmin, kStranger));
    EXPECT_EQ(code_of(log.may_ban(kAdmin, kOwner)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_ban(kMember, kStranger)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_ban(kOwner, kOwner)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_ban(kStranger, kMember)), Code::not_found);
    EXPECT_EQ(code_of(direct().may_ban(kOwner, kMember)), Code::forbidden);
    log.append_left(kAdmin, kAdmin, kWhen);
    EXPECT_EQ(code_of(log.may_ban(kAdmin, kMember)), Code::not_a_member);
    EXPECT_EQ(code_of(log.may_moderate(kMember)), Code::forbidden);
    EXPECT_TRUE(log.may_moderate(kOwner));
}

TEST(ConversationLog, invitations_follow_the_setting) {
    auto log = group();
    EXPECT_TRUE(log.may_invite(kMember));
    log.append_updated(
        {.actor = {kOwner, {}}, .conversation = {}, .title = {}, .history = {}, .invite = InviteRight::admins, .mention_all = {}}, kWhen);
    EXPECT_EQ(code_of(log.may_invite(kMember)), Code::forbidden);
    EXPECT_TRUE(log.may_invite(kAdmin));
}

TEST(ConversationLog, direct_conversations_have_fixed_members) {
    const auto log = direct();
    EXPECT_EQ(code_of(log.may_invite(kOwner)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_remove(kOwner, kOwner)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_update(kOwner)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_invite(kStranger)), Code::not_found);
    EXPECT_EQ(log.view_of(kOwner).peer->id, kMember);
}

TEST(ConversationLog, a_mute_ends_by_itself_and_says_when) {
    auto log = group();
    log.append_member_updated(kMember, std::nullopt, kWhen + Millis{5'000}, kOwner, kWhen);
    const auto refused = log.may_write(kMember, kWhen);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::muted);
    EXPECT_EQ(refused.error().retry_after, Millis{5'000});
    EXPECT_TRUE(log.may_write(kMember, kWhen + Millis{5'000}));
}

TEST(ConversationLog, a_mute_outlasts_leaving_and_coming_back) {
    auto log = group();
    log.append_member_updated(kMember, std::nullopt, kWhen + Millis{5'000}, kOwner, kWhen);
    log.append_left(kMember, kMember, kWhen);
    log.append_joined({.id = kMember, .username = "u30"}, Role::member, {}, kAdmin, kWhen);
    EXPECT_EQ(code_of(log.may_write(kMember, kWhen)), Code::muted);
    log.append_left(kMember, kMember, kWhen);
    log.append_joined({.id = kMember, .username = "u30"}, Role::member, Time{}, kAdmin, kWhen);
    EXPECT_TRUE(log.may_write(kMember, kWhen));
}

TEST(ConversationLog, only_the_owner_gives_that_role_away_and_only_to_another_member) {
    auto log = group();
    EXPECT_TRUE(log.may_change(kOwner, kMember, Role::owner));
    EXPECT_TRUE(log.may_change(kOwner, kAdmin, Role::owner));
    EXPECT_EQ(code_of(log.may_change(kOwner, kOwner, Role::owner)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_change(kOwner, kStranger, Role::owner)), Code::forbidden);
    EXPECT_EQ(code_of(log.may_change(kAdmin, kMember, Role::owner)), Code::forbidden);
    log.append_left(kMember, kMember, kWhen);
    EXPECT_EQ(code_of(log.may_change(kOwner, kMember, Role::owner)), Code::forbidden);
}

TEST(ConversationLog, who_becomes_the_owner_is_muted_no_longer) {
    auto log = group();
    log.append_member_updated(kMember, std::nullopt, kWhen + Millis{5'000}, kOwner, kWhen);
    log.append_member_updated(kMember, Role::owner, std::nullopt, kOwner, kWhen);
    EXPECT_TRUE(log.may_write(kMember, kWhen));
}

TEST(ConversationLog, the_oldest_admin_follows_the_owner_else_the_oldest_member) {
    auto log = group();
    EXPECT_EQ(log.successor(kOwner), kAdmin);
    log.append_left(kAdmin, kAdmin, kWhen);
    EXPECT_EQ(log.successor(kOwner), kMember);
    log.append_left(kMember, kMember, kWhen);
    EXPECT_EQ(log.successor(kOwner), std::nullopt);
}

TEST(ConversationLog, message_ids_rise_and_times_never_fall) {
    ManualClock clock(kWhen);
    IdGenerator ids(0, clock);
    auto log = group();
    const auto first = log.append_message(ids, kOwner, "c1", "a", clock.now());
    clock.set_wall(kWhen - Millis{3'600'000});
    const auto second = log.append_message(ids, kOwner, "c2", "b", clock.now());
    EXPECT_LT(first->message.id, second->message.id);
    EXPECT_LE(first->created_at, second->created_at);
    EXPECT_EQ(second->seq, next(first->seq));
}

TEST(ConversationLog, a_later_joiner_does_not_see_the_message_before_unless_history_is_open) {
    ManualClock clock(kWhen);
    IdGenerator ids(0, clock);
    auto log = group();
    log.append_message(ids, kOwner, "c1", "secret", kWhen);
    log.append_joined({.id = kStranger, .username = "s"}, Role::member, {}, kOwner, kWhen);
    EXPECT_EQ(log.view_of(kStranger).last_message, nullptr);
    EXPECT_NE(log.view_of(kMember).last_message, nullptr);
    log.append_updated(
        {.actor = {kOwner, {}}, .conversation = {}, .title = {}, .history = HistoryAccess::all, .invite = {}, .mention_all = {}}, kWhen);
    EXPECT_NE(log.view_of(kStranger).last_message, nullptr);
}

}  // namespace
}  // namespace madang
