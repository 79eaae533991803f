// Bans and invite links through the engine.
#include <gtest/gtest.h>

#include "chat/admission.hpp"
#include "engine_bench.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr InviteSecret kSecret{1, 2, 3};

CreateInvite link_to(ConversationId id, const Actor& actor, std::uint32_t max_uses = 0, InviteSecret secret = kSecret) {
    return {.actor = actor, .conversation = id, .secret = secret, .expires_in = {}, .max_uses = max_uses};
}
PutMember add(ConversationId id, const Actor& actor, const Actor& who) {
    return {.actor = actor, .conversation = id, .user = who.user, .role = {}, .muted_until = {}};
}

TEST(Bans, remove_a_member_who_then_comes_in_by_no_door_until_the_ban_is_lifted) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    const auto id = bench.group(a, {b.user, c.user});
    bench.get<Invite>(link_to(id, a));
    EXPECT_EQ(bench.get<Ban>(PutBan{a, id, b.user}).user.username, "b");
    EXPECT_EQ(bench.sync(b).back().entry->type, EntryType::member_left);
    for (int restarted = 0; restarted < 2; ++restarted) {
        EXPECT_EQ(bench.error(add(id, c, b)), Code::forbidden);
        EXPECT_EQ(bench.error(AcceptInvite{b, id, kSecret}), Code::forbidden);
        EXPECT_EQ(bench.error(GetConversation{b, id}), Code::not_a_member);
        EXPECT_EQ(bench.get<BanPage>(ListBans{.actor = a, .conversation = id, .after = {}}).bans.size(), 1u);
        bench.restart();
    }
    EXPECT_EQ(bench.error(RemoveBan{c, id, b.user}), Code::forbidden);
    bench.get<Done>(RemoveBan{a, id, b.user});
    EXPECT_EQ(bench.error(RemoveBan{a, id, b.user}), Code::not_found);
    bench.restart();
    EXPECT_EQ(bench.get<ConversationView>(AcceptInvite{b, id, kSecret}).conversation.members_count, 3u);
}

TEST(Bans, hold_for_those_who_never_were_there_and_for_nobody_else_twice) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    const auto id = bench.group(a, {b.user});
    const auto head = bench.get<ConversationView>(GetConversation{a, id}).head_seq;
    const auto first = bench.get<Ban>(PutBan{a, id, c.user});
    bench.clock().advance(Millis{5});
    EXPECT_EQ(bench.get<Ban>(PutBan{a, id, c.user}), first);
    EXPECT_EQ(bench.error(add(id, a, c)), Code::forbidden);
    EXPECT_EQ(bench.error(PutBan{a, id, UserId{4242}}), Code::not_found);
    EXPECT_EQ(bench.error(GetConversation{c, id}), Code::not_found);  // a ban tells the banned nothing
    EXPECT_EQ(bench.get<ConversationView>(GetConversation{a, id}).head_seq, head);
}

TEST(Bans, and_an_invitation_that_race_end_with_the_banned_outside) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    const auto id = bench.group(a, {b.user});
    const auto ban = bench.post(PutBan{a, id, c.user}), invitation = bench.post(add(id, b, c));
    bench.run();
    EXPECT_TRUE(bench.answer(ban).has_value());
    (void)bench.answer(invitation);
    const auto members = bench.get<MemberPage>(ListMembers{.actor = a, .conversation = id, .after = {}}).members;
    EXPECT_EQ(members.size(), 2u);
}

TEST(Bans, are_paged) {
    EngineBench bench;
    const auto a = bench.sign_up("a");
    const auto id = bench.group(a, {});
    std::vector<UserId> banned;
    for (const auto* name : {"b", "c", "d"}) {
        banned.push_back(bench.sign_up(name).user);
        bench.get<Ban>(PutBan{a, id, banned.back()});
    }
    std::ranges::sort(banned);
    const auto first = bench.get<BanPage>(ListBans{.actor = a, .conversation = id, .limit = 2, .after = {}});
    ASSERT_EQ(first.bans.size(), 2u);
    EXPECT_EQ(first.next, banned[1]);
    const auto second = bench.get<BanPage>(ListBans{.actor = a, .conversation = id, .limit = 2, .after = first.next});
    ASSERT_EQ(second.bans.size(), 1u);
    EXPECT_EQ(second.bans[0].user.id, banned[2]);
    EXPECT_FALSE(second.next);
}

TEST(Invites, let_in_as_many_as_they_say_and_count_each_once) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c"), d = bench.sign_up("d");
    const auto id = bench.group(a, {});
    bench.get<Invite>(link_to(id, a, 2));
    const auto one = bench.post(AcceptInvite{b, id, kSecret}), again = bench.post(AcceptInvite{b, id, kSecret});
    bench.run();
    EXPECT_TRUE(std::get<ConversationView>(*bench.answer(one)).created);
    EXPECT_FALSE(std::get<ConversationView>(*bench.answer(again)).created);
    bench.restart();
    EXPECT_EQ(bench.get<InvitePage>(ListInvites{.actor = b, .conversation = id, .after = {}}).invites.at(0).uses, 1u);
    const auto two = bench.post(AcceptInvite{c, id, kSecret}), three = bench.post(AcceptInvite{d, id, kSecret});
    bench.run();
    EXPECT_EQ(bench.answer(two).has_value() + bench.answer(three).has_value(), 1);
    EXPECT_TRUE(bench.get<InvitePage>(ListInvites{.actor = a, .conversation = id, .after = {}}).invites.empty());
    bench.get<ConversationView>(AcceptInvite{b, id, kSecret});  // who is in has joined
}

TEST(Invites, end_by_time_and_by_being_revoked) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.group(a, {});
    auto create = link_to(id, a);
    create.expires_in = Millis{1'000};
    EXPECT_EQ(bench.get<Invite>(create).expires_at, bench.clock().now() + Millis{1'000});
    bench.clock().advance(Millis{1'000});
    EXPECT_EQ(bench.error(AcceptInvite{b, id, kSecret}), Code::not_found);
    bench.get<Invite>(link_to(id, a, 0, {9}));
    EXPECT_EQ(bench.get<InvitePage>(ListInvites{.actor = a, .conversation = id, .after = {}}).invites.size(), 1u);
    EXPECT_FALSE(bench.store().get(Table::invite, invite_key(id, kSecret)).value().has_value());  // the dead one went with it
    bench.get<Done>(RevokeInvite{a, id, {9}});
    EXPECT_EQ(bench.error(RevokeInvite{a, id, {9}}), Code::not_found);
    EXPECT_EQ(bench.error(AcceptInvite{b, id, {9}}), Code::not_found);
}

TEST(Invites, are_at_most_a_hundred_and_never_let_a_group_grow_over_its_limit) {
    Limits limits;
    limits.group_members = 2;
    EngineBench bench(limits);
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    const auto id = bench.group(a, {});
    for (std::uint8_t n = 0; n < Admission::kInvitesMax; ++n) bench.get<Invite>(link_to(id, a, 0, {n}));
    EXPECT_EQ(bench.error(link_to(id, a, 0, {200})), Code::group_full);
    const auto one = bench.post(AcceptInvite{b, id, {0}}), two = bench.post(AcceptInvite{c, id, {1}});
    bench.run();
    EXPECT_EQ(bench.answer(one).has_value() + bench.answer(two).has_value(), 1);
}

TEST(Invites, end_with_the_last_member) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.group(a, {});
    bench.get<Invite>(link_to(id, a));
    bench.get<Invite>(link_to(id, a, 2, {9}));
    bench.get<Done>(RemoveMember{a, id, a.user});
    EXPECT_EQ(bench.error(AcceptInvite{b, id, kSecret}), Code::not_found);
    EXPECT_EQ(bench.error(AcceptInvite{a, id, {9}}), Code::not_found);
    bench.restart();
    EXPECT_EQ(bench.error(AcceptInvite{b, id, {9}}), Code::not_found);
}

TEST(Invites, are_for_groups_and_for_those_who_may_invite) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    const auto direct = bench.direct(a, b);
    EXPECT_EQ(bench.error(link_to(direct, a)), Code::forbidden);
    EXPECT_EQ(bench.error(AcceptInvite{a, direct, kSecret}), Code::forbidden);
    EXPECT_EQ(bench.error(AcceptInvite{c, direct, kSecret}), Code::not_found);
    const auto id = bench.group(a, {b.user});
    UpdateConversation closed{.actor = a, .conversation = id, .title = {}, .history = {}, .invite = InviteRight::admins, .mention_all = {}};
    bench.get<ConversationView>(closed);
    EXPECT_EQ(bench.error(link_to(id, b)), Code::forbidden);
    EXPECT_EQ(bench.error(ListInvites{.actor = b, .conversation = id, .after = {}}), Code::forbidden);
    EXPECT_EQ(bench.error(RevokeInvite{b, id, kSecret}), Code::forbidden);
    EXPECT_EQ(bench.error(link_to(id, c)), Code::not_found);
}

TEST(Ownership, given_away_is_two_entries_of_one_append_and_never_two_owners) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.group(a, {b.user});
    auto give = add(id, a, b);
    give.role = Role::owner;
    EXPECT_EQ(bench.get<MemberView>(give).member.role, Role::owner);
    const auto events = bench.sync(b);
    const auto& old = *events.at(events.size() - 2).entry->change;
    EXPECT_EQ(old.member.user.id, a.user);
    EXPECT_EQ(old.member.role, Role::admin);
    EXPECT_EQ(events.back().entry->change->member.role, Role::owner);
    EXPECT_EQ(bench.get<MemberView>(give).member.role, Role::owner);  // a repeat: it is so already
    give.user = a.user;
    EXPECT_EQ(bench.error(give), Code::forbidden);
}

TEST(Ownership, never_goes_to_one_who_is_to_be_muted) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.group(a, {b.user});
    auto give = add(id, a, b);
    give.role = Role::owner;
    give.muted_until = bench.clock().now() + Millis{1'000};
    EXPECT_EQ(bench.error(give), Code::bad_request);
    EXPECT_EQ(bench.get<ConversationView>(GetConversation{a, id}).my_role, Role::owner);
}

}  // namespace
}  // namespace madang
