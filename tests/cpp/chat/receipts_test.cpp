#include "chat/receipts.hpp"

#include "engine_bench.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr ConversationId kChat{11};
constexpr UserId kAmy{1}, kBen{2};

std::vector<ReceiptSignal> news_of(Receipts& receipts, std::size_t max = 100) {
    std::vector<ReceiptSignal> news;
    receipts.take_news(kChat, max, [&](const ReceiptSignal& each) { news.push_back(each); });
    return news;
}

TEST(Receipt, only_rises_and_reading_implies_delivered) {
    Receipt receipt;
    EXPECT_TRUE(receipt.merge({Seq{5}, Seq{2}}));
    EXPECT_FALSE(receipt.merge({Seq{4}, Seq{1}}));
    EXPECT_TRUE(receipt.merge({Seq{}, Seq{7}}));
    EXPECT_EQ(receipt, (Receipt{Seq{7}, Seq{7}}));
}

TEST(Receipts, tell_each_rise_once_and_what_is_read_not_as_delivered_too) {
    Receipts receipts({{kBen, {Seq{3}, Seq{1}}}});
    EXPECT_FALSE(receipts.has_news());
    EXPECT_FALSE(receipts.merge(kBen, {Seq{3}, Seq{}}));
    EXPECT_TRUE(receipts.merge(kBen, {Seq{4}, Seq{}}));
    EXPECT_TRUE(receipts.merge(kBen, {Seq{9}, Seq{9}}));
    EXPECT_TRUE(receipts.merge(kAmy, {Seq{8}, Seq{2}}));
    const auto news = news_of(receipts);
    const std::vector<ReceiptSignal> right{
        {kChat, kAmy, ReceiptKind::read, Seq{2}}, {kChat, kAmy, ReceiptKind::delivered, Seq{8}}, {kChat, kBen, ReceiptKind::read, Seq{9}}};
    EXPECT_EQ(news, right);
    EXPECT_FALSE(receipts.has_news());
}

TEST(Receipts, that_find_no_room_are_told_later_as_they_are_then) {
    Receipts receipts;
    receipts.merge(kAmy, {Seq{1}, Seq{}});
    receipts.merge(kBen, {Seq{1}, Seq{}});
    EXPECT_EQ(news_of(receipts, 1).size(), 1u);
    receipts.merge(kBen, {Seq{2}, Seq{}});
    const auto rest = news_of(receipts);
    ASSERT_EQ(rest.size(), 1u);
    EXPECT_EQ(rest.front().seq, Seq{2});
}

TEST(ReceiptOutbox, repeats_until_it_is_confirmed_and_sends_the_newest) {
    ReceiptOutbox outbox;
    outbox.move(kAmy, kChat, {Seq{3}, Seq{}});
    EXPECT_TRUE(outbox.take_due(Tick{0}, 10, false).empty());
    const auto first = outbox.take_due(Tick{0}, 10);
    ASSERT_EQ(first.size(), 1u);
    EXPECT_TRUE(outbox.take_due(Tick{900}, 10).empty());
    EXPECT_EQ(outbox.take_due(Tick{1'000}, 10, false).size(), 1u);  // lost, for all it knows
    outbox.move(kAmy, kChat, {Seq{5}, Seq{}});
    outbox.confirm(first.front());  // of the earlier one
    EXPECT_EQ(outbox.size(), 1u);
    const auto next = outbox.take_due(Tick{1'100}, 10);
    ASSERT_EQ(next.size(), 1u);
    EXPECT_EQ(next.front().receipt.delivered, Seq{5});
    outbox.confirm(first.front());
    EXPECT_EQ(outbox.size(), 1u);
    outbox.confirm(next.front());
    EXPECT_EQ(outbox.size(), 0u);
    EXPECT_TRUE(outbox.take_due(Tick{60'000}, 10).empty());
}

TEST(ReceiptOutbox, backs_off_and_sends_no_more_at_once_than_it_may) {
    ReceiptOutbox outbox;
    for (std::uint64_t user = 1; user <= 5; ++user) outbox.move(UserId{user}, kChat, {Seq{1}, Seq{}});
    EXPECT_EQ(outbox.take_due(Tick{0}, 3).size(), 3u);
    EXPECT_EQ(outbox.take_due(Tick{0}, 3).size(), 2u);
    std::size_t repeats = 0;
    for (std::int64_t at = 0; at < 60'000; at += 100) repeats += outbox.take_due(Tick{at}, 10).size();
    EXPECT_LT(repeats, 5u * 40);
    EXPECT_GE(repeats, 5u * 20);
}

// ---- in an engine -----------------------------------------------------------------------------------------------------------------------

class ReceiptsOfMembers : public testing::Test {
  protected:
    // A round begins once a second; what it reads is told with the next tick.
    void pass(Millis time = Millis{2'000}) {
        for (auto left = time; left > Millis{0}; left -= Millis{100}) {
            bench.clock().advance(Millis{100});
            bench.engine().tick();
            bench.run();
        }
    }
    void ack(const Actor& actor, Cursor cursor) { bench.get<Done>(Acknowledge{actor, cursor}); }
    // Of an inbox of one page.
    Cursor tail(const Actor& actor) { return bench.sync(Actor{actor.user, DeviceId{1}}).back().cursor; }
    Receipt of(const Actor& actor, const Actor& viewer, ConversationId conversation) {
        for (const auto& each : bench.get<MemberPage>(ListMembers{.actor = viewer, .conversation = conversation, .after = {}}).members)
            if (each.member.user.id == actor.user) return each.receipt;
        ADD_FAILURE() << "no such member";
        return {};
    }
    std::vector<ReceiptSignal> signals(SessionId session) {
        std::vector<ReceiptSignal> receipts;
        for (const auto& each : std::exchange(bench.signals(session), {}))
            if (const auto* receipt = std::get_if<ReceiptSignal>(&each)) receipts.push_back(*receipt);
        return receipts;
    }

    EngineBench bench;
    Actor alice = bench.sign_up("alice"), bob = bench.sign_up("bob"), carol = bench.sign_up("carol");
};

TEST_F(ReceiptsOfMembers, an_ack_delivers_up_to_the_newest_entry_of_each_conversation) {
    const auto direct = bench.direct(alice, bob), group = bench.group(alice, {bob.user, carol.user});
    const auto first = bench.send(alice, direct, "1", "one").entry->seq;
    const auto acked = tail(bob);
    bench.send(alice, group, "2", "two");
    bench.send(alice, direct, "3", "three");
    ack(bob, acked);
    pass();
    EXPECT_EQ(of(bob, alice, direct), (Receipt{first, Seq{}}));
    EXPECT_EQ(of(bob, alice, group).delivered, Seq{4});  // its creation
    EXPECT_EQ(of(alice, alice, direct), Receipt{});
    ack(bob, acked);  // again, and back
    ack(bob, Cursor{1});
    pass();
    EXPECT_EQ(of(bob, alice, direct), (Receipt{first, Seq{}}));
}

TEST_F(ReceiptsOfMembers, a_log_in_delivers_nothing_and_a_poll_does) {
    const auto direct = bench.direct(alice, bob);
    const auto seq = bench.send(alice, direct, "1", "one").entry->seq;
    const auto second = bench.log_in(bob.user);
    pass();
    EXPECT_EQ(of(bob, alice, direct), Receipt{});
    bench.sync(second, tail(bob));
    pass();
    EXPECT_EQ(of(bob, alice, direct).delivered, seq);
}

TEST_F(ReceiptsOfMembers, signals_are_coalesced_within_a_second_and_go_to_the_others) {
    const auto group = bench.group(alice, {bob.user, carol.user});
    const auto a = bench.attach(alice), b = bench.attach(bob), c = bench.attach(carol);
    pass();
    Seq last;
    for (int i = 0; i < 5; ++i) {
        last = bench.send(alice, group, std::to_string(i), "text").entry->seq;
        ack(bob, tail(bob));
    }
    pass(Millis{1'100});
    const std::vector<ReceiptSignal> right{{group, bob.user, ReceiptKind::delivered, last}};
    EXPECT_LE(signals(a).size(), 2u);
    EXPECT_EQ(signals(c).back(), right.front());
    EXPECT_TRUE(signals(b).empty());
    bench.get<ReadState>(MarkRead{bob, group, last});
    pass(Millis{1'100});
    EXPECT_EQ(signals(a), (std::vector<ReceiptSignal>{{group, bob.user, ReceiptKind::read, last}}));
}

TEST_F(ReceiptsOfMembers, no_row_is_written_for_each_message) {
    const auto group = bench.group(alice, {bob.user, carol.user});
    bench.attach(bob);
    pass();
    const auto before = bench.engine().figures().receipts;
    for (int i = 0; i < 50; ++i) {
        bench.send(alice, group, std::to_string(i), "text");
        ack(bob, tail(bob));
        bench.engine().tick();
        bench.run();
    }
    pass(Millis{1'100});
    EXPECT_LE(bench.engine().figures().receipts - before, 2u);
}

TEST_F(ReceiptsOfMembers, nothing_is_told_between_two_of_whom_one_blocks_the_other) {
    const auto group = bench.group(alice, {bob.user, carol.user});
    const auto a = bench.attach(alice), b = bench.attach(bob), c = bench.attach(carol);
    bench.get<Friendship>(ChangeRelation{alice, bob.user, RelationAct::block});
    for (const auto& each : {alice, bob, carol}) ack(each, tail(each));
    pass();
    const auto tells_of = [&](SessionId session, const Actor& of) {
        const auto got = signals(session);
        return std::ranges::any_of(got, [&](const auto& each) { return each.user == of.user; });
    };
    EXPECT_FALSE(tells_of(a, bob));
    EXPECT_FALSE(tells_of(b, alice));
    EXPECT_TRUE(tells_of(c, bob));
    EXPECT_EQ(of(bob, alice, group), Receipt{});
    EXPECT_EQ(of(alice, bob, group), Receipt{});
    EXPECT_NE(of(bob, carol, group), Receipt{});
    bench.get<Friendship>(ChangeRelation{alice, bob.user, RelationAct::unblock});
    EXPECT_EQ(of(bob, alice, group), of(bob, carol, group));
}

TEST_F(ReceiptsOfMembers, survive_a_restart_but_for_a_second_of_acks) {
    const auto direct = bench.direct(alice, bob);
    bench.send(alice, direct, "1", "one");
    ack(bob, tail(bob));
    pass();
    const auto stored = of(bob, alice, direct);
    const auto seq = bench.send(alice, direct, "2", "two").entry->seq;
    ack(bob, tail(bob));
    bench.restart();
    pass();
    EXPECT_EQ(of(bob, alice, direct), stored);
    ack(bob, tail(bob));
    pass();
    EXPECT_EQ(of(bob, alice, direct).delivered, seq);
}

// The marker's answer is durable with its user; the conversation has not heard of it when all goes down.
TEST_F(ReceiptsOfMembers, what_a_crash_keeps_from_a_conversation_is_told_when_the_user_comes_back) {
    const auto direct = bench.direct(alice, bob);
    const auto seq = bench.send(alice, direct, "1", "one").entry->seq;
    pass();
    bench.get<ReadState>(MarkRead{bob, direct, seq});
    EXPECT_EQ(of(bob, alice, direct), Receipt{});
    bench.restart();
    EXPECT_EQ(of(bob, alice, direct), Receipt{});
    bench.attach(bob);
    pass();
    EXPECT_EQ(of(bob, alice, direct), (Receipt{seq, seq}));
}

TEST_F(ReceiptsOfMembers, of_acks_beyond_the_memory_tail_are_read_from_the_inbox) {
    const auto direct = bench.direct(alice, bob), other = bench.direct(carol, bob);
    Seq last;
    for (int i = 0; i < 1'500; ++i) last = bench.send(alice, direct, std::to_string(i), "text").entry->seq;
    bench.send(carol, other, "1", "hi");
    ack(bob, bench.attached()[bench.attach(bob)]);
    pass(Millis{2'000});
    EXPECT_EQ(of(bob, alice, direct).delivered, last);
    EXPECT_EQ(of(bob, carol, other).delivered, Seq{4});
}

TEST_F(ReceiptsOfMembers, are_kept_for_who_comes_back_to_a_group) {
    const auto group = bench.group(alice, {bob.user});
    const auto seq = bench.send(alice, group, "1", "one").entry->seq;
    bench.get<ReadState>(MarkRead{bob, group, seq});
    pass();
    bench.get<Done>(RemoveMember{bob, group, bob.user});
    const auto again =
        bench.get<MemberView>(PutMember{.actor = alice, .conversation = group, .user = bob.user, .role = {}, .muted_until = {}});
    EXPECT_EQ(again.receipt, (Receipt{seq, seq}));
    const auto late =
        bench.get<MemberView>(PutMember{.actor = alice, .conversation = group, .user = carol.user, .role = {}, .muted_until = {}});
    EXPECT_EQ(late.receipt, Receipt{});
    ack(carol, tail(carol));
    pass();
    EXPECT_EQ(of(carol, alice, group).delivered, late.member.joined_seq());
}

TEST(ReceiptsOfManyMembers, are_listed_and_not_told) {
    EngineBench bench(Limits{.fan_out_members_max = 2});
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    const auto group = bench.group(a, {b.user, c.user});
    const auto session = bench.attach(a);
    bench.get<Done>(Acknowledge{b, Cursor{4}});
    for (int i = 0; i < 12; ++i) {
        bench.clock().advance(Millis{100});
        bench.engine().tick();
        bench.run();
    }
    EXPECT_TRUE(bench.signals(session).empty());
    const auto members = bench.get<MemberPage>(ListMembers{.actor = a, .conversation = group, .after = {}}).members;
    EXPECT_TRUE(std::ranges::any_of(members, [](const MemberView& each) { return each.receipt.delivered == Seq{4}; }));
}

// ---- what one sets for a group ends with the stay -------------------------------------------------------------------------------------

TEST(Preferences, end_when_a_group_is_left) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto group = bench.group(a, {b.user});
    bench.get<ConversationView>(UpdateView{.actor = b, .conversation = group, .pinned = true, .archived = true});
    bench.get<Done>(RemoveMember{b, group, b.user});
    EXPECT_EQ(bench.store().rows(Table::preference), 0u);
    bench.get<MemberView>(PutMember{.actor = a, .conversation = group, .user = b.user, .role = {}, .muted_until = {}});
    const auto view = bench.get<ConversationView>(UpdateView{.actor = b, .conversation = group, .archived = true});
    EXPECT_FALSE(view.own->pinned);
    EXPECT_TRUE(view.own->archived);
}

}  // namespace
}  // namespace madang
