// The review queue: its limits, and held messages through a whole engine.
#include <gtest/gtest.h>

#include "chat/held_queue.hpp"
#include "engine_bench.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

HeldMessage waiting(std::uint64_t id, UserId sender, std::size_t bytes = 10) {
    HeldMessage held;
    held.id = HeldId{id};
    held.sender = sender;
    held.text.assign(bytes, 'x');
    return held;
}

TEST(HeldQueue, takes_so_many_messages_and_so_many_of_one_sender) {
    HeldQueue queue(kHeldPerSender + 1);
    for (std::uint64_t id = 1; id <= kHeldPerSender; ++id) {
        ASSERT_TRUE(queue.may_hold(UserId{1}, 10));
        queue.add(waiting(id, UserId{1}));
    }
    EXPECT_EQ(queue.may_hold(UserId{1}, 10).error().code, Code::denied_by_policy);
    ASSERT_TRUE(queue.may_hold(UserId{2}, 10));
    queue.add(waiting(1'000, UserId{2}));
    EXPECT_EQ(queue.may_hold(UserId{3}, 10).error().code, Code::denied_by_policy);
    EXPECT_FALSE(queue.decide(HeldId{7}));
    EXPECT_TRUE(queue.may_hold(UserId{1}, 10));
    EXPECT_EQ(queue.size(), kHeldPerSender);
}

TEST(HeldQueue, takes_so_many_bytes) {
    HeldQueue queue(10);
    queue.add(waiting(1, UserId{1}, kHeldBytesMax - 5));
    EXPECT_TRUE(queue.may_hold(UserId{1}, 5));
    EXPECT_FALSE(queue.may_hold(UserId{1}, 6));
    queue.decide(HeldId{1});
    EXPECT_TRUE(queue.may_hold(UserId{1}, 6));
}

TEST(HeldQueue, remembers_so_many_decisions) {
    HeldQueue queue(10);
    for (std::uint64_t id = 1; id <= kDecisionsKept; ++id) EXPECT_FALSE(queue.decide(HeldId{id}));
    EXPECT_EQ(queue.decide(HeldId{5'000}), HeldId{1});
    EXPECT_FALSE(queue.knows(HeldId{1}));
    EXPECT_TRUE(queue.knows(HeldId{2}));
    EXPECT_EQ(queue.size(), 0U);
}

struct Holding : testing::Test {
    Holding() {
        bench.verdict = [](const CheckCall& call) {
            return call.text.starts_with("hold") ? Verdict{Verdict::Kind::hold, "perhaps"} : Verdict{};
        };
    }
    EngineBench bench{Limits{}, {}, {CheckRule{}}};
    Actor a = bench.sign_up("a"), b = bench.sign_up("b");
    ConversationId id = bench.group(a, {b.user});

    Send send(const std::string& client_id, const std::string& text) {
        return {.actor = a, .conversation = id, .peer = {}, .client_id = client_id, .text = text};
    }
    std::vector<HeldMessage> waiting() { return bench.get<HeldPage>(ListHeld{.actor = b}).held; }
    std::size_t messages() {
        return bench.get<HistoryPage>(History{.actor = b, .conversation = id, .before = {}, .after = {}, .around = {}}).messages.size();
    }
};

TEST_F(Holding, a_held_message_is_a_row_with_its_key_and_no_entry) {
    const auto before = bench.store().rows(Table::message);
    const auto held = bench.get<Held>(send("1", "hold it"));
    EXPECT_EQ(held.client_id, "1");
    EXPECT_EQ(held.reason, "perhaps");
    EXPECT_EQ(slot_of(held.id), slot_of(id));
    EXPECT_EQ(bench.store().rows(Table::message), before);
    ASSERT_EQ(waiting().size(), 1U);
    EXPECT_EQ(waiting()[0].text, "hold it");
    EXPECT_EQ(bench.get<Held>(send("1", "hold it")).id, held.id);
    EXPECT_EQ(bench.error(send("1", "hold that")), Code::client_id_reused);
    EXPECT_EQ(bench.engine().figures().held_waiting, 1U);
}

TEST_F(Holding, a_release_is_one_append_and_a_second_one_is_answered_the_same) {
    const auto held = bench.get<Held>(send("1", "hold it"));
    bench.send(a, id, "2", "later");
    const auto before = bench.store().appends();
    const auto released = bench.get<Reviewed>(Review{held.id, true});
    EXPECT_EQ(bench.store().appends(), before + 1);
    ASSERT_TRUE(released.message);
    EXPECT_EQ(released.message->message.text, "hold it");
    EXPECT_EQ(*bench.get<Reviewed>(Review{held.id, true}).message, *released.message);
    EXPECT_EQ(messages(), 2U);
    EXPECT_TRUE(waiting().empty());
    EXPECT_EQ(bench.get<Sent>(send("1", "hold it")).entry->seq, released.message->seq);
    EXPECT_EQ(bench.error(Review{held.id, false}), Code::not_found);
    EXPECT_EQ(bench.sync(b).back().entry->seq, released.message->seq);
}

TEST_F(Holding, two_reviews_in_one_turn_make_one_message) {
    const auto held = bench.get<Held>(send("1", "hold it"));
    const auto one = bench.post(Review{held.id, true}), two = bench.post(Review{held.id, true}), three = bench.post(Review{held.id, false});
    const auto repeat = bench.post(send("1", "hold it"));
    bench.run();
    EXPECT_EQ(std::get<Reviewed>(*bench.answer(one)).message->seq, std::get<Reviewed>(*bench.answer(two)).message->seq);
    EXPECT_EQ(bench.answer(three).error().code, Code::not_found);
    EXPECT_EQ(std::get<Sent>(*bench.answer(repeat)).entry->seq, std::get<Reviewed>(*bench.answer(one)).message->seq);
    EXPECT_EQ(messages(), 1U);
}

TEST_F(Holding, a_refusal_frees_the_client_id_at_once) {
    const auto held = bench.get<Held>(send("1", "hold it"));
    const auto refusal = bench.post(Review{held.id, false});
    const auto again = bench.post(send("1", "another text"));  // before the refusal is durable
    bench.run();
    EXPECT_FALSE(std::get<Reviewed>(*bench.answer(refusal)).message);
    EXPECT_EQ(std::get<Sent>(*bench.answer(again)).entry->message.text, "another text");
    EXPECT_FALSE(bench.get<Reviewed>(Review{held.id, false}).message);
    EXPECT_EQ(messages(), 1U);
}

TEST_F(Holding, what_waits_and_what_was_decided_is_there_after_a_restart) {
    const auto one = bench.get<Held>(send("1", "hold one")), two = bench.get<Held>(send("2", "hold two")),
               three = bench.get<Held>(send("3", "hold three"));
    const auto released = bench.get<Reviewed>(Review{one.id, true});
    bench.get<Reviewed>(Review{two.id, false});
    bench.restart();
    ASSERT_EQ(waiting().size(), 1U);
    EXPECT_EQ(bench.engine().figures().held_waiting, 1U);
    EXPECT_EQ(*bench.get<Reviewed>(Review{one.id, true}).message, *released.message);
    EXPECT_FALSE(bench.get<Reviewed>(Review{two.id, false}).message);
    EXPECT_EQ(bench.get<Held>(send("3", "hold three")).id, three.id);
    EXPECT_GT(bench.get<Held>(send("4", "hold four")).id, three.id);
}

TEST_F(Holding, an_edit_is_put_to_plugins_only_if_it_could_be_stored) {
    const auto mine = bench.send(a, id, "1", "mine").entry->seq;
    bench.send(a, id, "2", "the newest, so that the other one must be read");
    bench.asked().clear();
    EXPECT_EQ(bench.error(EditMessage{b, id, mine, "not yours"}), Code::forbidden);
    EXPECT_EQ(bench.error(EditMessage{a, id, Seq{1}, "no message"}), Code::not_found);
    EXPECT_TRUE(bench.asked().empty());
    EXPECT_EQ(bench.error(EditMessage{a, id, mine, "hold this"}), Code::denied_by_policy);
    EXPECT_EQ(bench.get<Sent>(EditMessage{a, id, mine, "changed"}).entry->message.text, "changed");
    EXPECT_EQ(bench.asked().size(), 2U);
}

TEST_F(Holding, plugins_are_told_whom_a_message_mentions) {
    bench.send(a, id, "1", "@b and @nobody, @all");
    EXPECT_EQ(bench.asked().back().mentions, (Mentions{{b.user}, true}));
}

}  // namespace
}  // namespace madang
