// Pushes through a whole engine: who gets one, when, and what ends it.
#include <gtest/gtest.h>

#include "engine_bench.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

using namespace std::chrono_literals;

class PushesTest : public ::testing::Test {
  protected:
    PushesTest() { talk_ = bench_.direct(alice_, bob_); }

    void pass(Millis time) {
        bench_.clock().advance(time);
        bench_.engine().tick();
        bench_.run();
    }
    // Bob is written to.
    Sent send(const std::string& text) { return bench_.send(alice_, talk_, text, text); }
    // What has reached the plugins since the last look, by text; each is answered like this.
    std::vector<std::string> pushed(const Delivered& answer = {}) {
        std::vector<std::string> texts;
        for (auto& call : std::exchange(bench_.pushes(), {})) {
            last_ = call;
            texts.push_back(call.text);
            bench_.engine().on_delivered(call.number, answer);
        }
        bench_.run();
        return texts;
    }
    std::size_t rows(Table table) {
        std::size_t count = 0;
        EXPECT_TRUE(bench_.store().scan(table, std::string(), std::string(24, '\xFF'), Order::ascending,
                                        [&](auto, auto) { return ++count, true; }));
        return count;
    }

    EngineBench bench_{Limits{}, {{.plugin = "all", .timeout = Millis{10'000}, .providers = {}}}};
    Actor alice_ = bench_.sign_up("alice"), bob_ = bench_.sign_up("bob");
    ConversationId talk_;
    PushCall last_;
    const std::vector<std::string> none_;
};

TEST_F(PushesTest, who_has_nobody_attached_gets_one_at_once_and_the_sender_none) {
    send("hi");
    EXPECT_EQ(pushed(), std::vector<std::string>{"hi"});
    EXPECT_EQ(last_.user.username, "bob");
    EXPECT_EQ(last_.sender.username, "alice");
    EXPECT_EQ(last_.badge, 1U);
    EXPECT_EQ(last_.attempt, 1U);
    EXPECT_EQ(last_.push.conversation, talk_);
    pass(10min);
    EXPECT_EQ(pushed(), none_);
    EXPECT_EQ(rows(Table::push_outbox), 0U);
    EXPECT_EQ(rows(Table::push_open), 0U);
}

TEST_F(PushesTest, who_is_attached_and_acks_gets_none) {
    const auto session = bench_.attach(bob_);
    send("hi");
    EXPECT_EQ(rows(Table::push_open), 1U);
    pass(1'900ms);
    bench_.tell(Acknowledge{bob_, bench_.events(session).back().cursor});
    pass(10s);
    pass(2s);
    pass(2s);
    EXPECT_EQ(pushed(), none_);
    EXPECT_EQ(rows(Table::push_open), 0U);
}

TEST_F(PushesTest, who_is_attached_and_acks_nothing_gets_one_after_two_seconds) {
    bench_.attach(bob_);
    send("hi");
    pass(1'900ms);
    EXPECT_EQ(pushed(), none_);
    pass(100ms);
    EXPECT_EQ(pushed(), std::vector<std::string>{"hi"});
}

TEST_F(PushesTest, an_open_long_poll_counts_as_attached_until_offline_after_after_its_end) {
    bench_.post(Sync{.actor = bob_, .cursor = Cursor{bench_.sync(bob_).size()}, .limit = 100, .wait = 1s});
    bench_.run();
    pass(1s);
    send("hi");
    EXPECT_EQ(pushed(), none_);
    EXPECT_EQ(bench_.sync(bob_, Cursor{bench_.sync(bob_).size()}).size(), 0U);  // which acks it
    pass(10s);
    EXPECT_EQ(pushed(), none_);
    pass(30s);
    send("there?");
    EXPECT_EQ(pushed(), std::vector<std::string>{"there?"});
}

TEST_F(PushesTest, a_conversation_that_the_user_has_muted_is_not_pushed) {
    bench_.get<ConversationView>(UpdateView{.actor = bob_, .conversation = talk_, .muted_until = bench_.clock().now() + 1min});
    send("hi");
    EXPECT_EQ(pushed(), none_);
    EXPECT_EQ(rows(Table::push_outbox), 0U);
    pass(1min);
    send("again");
    EXPECT_EQ(pushed(), std::vector<std::string>{"again"});
}

TEST_F(PushesTest, what_is_read_or_deleted_before_it_went_out_is_cancelled_and_an_edit_shows) {
    send("read"), send("deleted"), send("edited");
    EXPECT_EQ(pushed({Delivered::Kind::retry, {}, "busy"}).size(), 3U);
    bench_.get<ReadState>(MarkRead{bob_, talk_, bench_.sync(bob_).front().entry->seq});
    std::map<std::string, Seq> seqs;
    for (const auto& event : bench_.sync(bob_))
        if (event.entry->is_message()) seqs[event.entry->message.text] = event.entry->seq;
    bench_.get<ReadState>(MarkRead{bob_, talk_, seqs.at("read")});
    bench_.get<Sent>(DeleteMessage{alice_, talk_, seqs.at("deleted")});
    bench_.get<Sent>(EditMessage{alice_, talk_, seqs.at("edited"), "better"});
    pass(2s);
    EXPECT_EQ(pushed(), std::vector<std::string>{"better"});
    EXPECT_EQ(last_.attempt, 2U);
    EXPECT_EQ(rows(Table::push_outbox), 0U);
    EXPECT_EQ(bench_.engine().figures().pushes_cancelled, 2U);
}

TEST_F(PushesTest, what_was_due_or_undecided_survives_a_crash) {
    send("due");
    EXPECT_EQ(bench_.pushes().size(), 1U);  // no answer comes
    bench_.pushes().clear();
    bench_.attach(bob_);
    send("undecided");
    bench_.restart();
    EXPECT_EQ(pushed(), std::vector<std::string>{"due"});
    pass(2s);
    EXPECT_EQ(pushed(), std::vector<std::string>{"undecided"});
    bench_.restart();
    pass(2s);
    EXPECT_EQ(pushed(), none_);
}

TEST_F(PushesTest, a_stop_in_good_order_waits_for_what_is_out_and_begins_nothing) {
    send("out");
    bench_.attach(bob_);
    send("undecided");
    bench_.engine().end_waits();
    bench_.engine().tick();
    bench_.run();
    EXPECT_FALSE(bench_.engine().is_idle());
    EXPECT_EQ(pushed(), std::vector<std::string>{"out"});
    pass(2s);
    EXPECT_EQ(pushed(), none_);
    EXPECT_TRUE(bench_.engine().is_idle());
    bench_.restart();
    EXPECT_EQ(pushed(), std::vector<std::string>{"undecided"});
}

TEST_F(PushesTest, given_up_pushes_are_listed_and_the_oldest_go_at_the_limit) {
    Limits limits;
    limits.push_max_attempts = 1;
    limits.push_dead_max = 2;
    EngineBench bench{limits, {{.plugin = "all", .timeout = Millis{10'000}, .providers = {}}}};
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto talk = bench.direct(a, b);
    for (const auto* text : {"1", "2", "3"}) {
        bench.send(a, talk, text, text);
        ASSERT_EQ(bench.pushes().size(), 1U);
        bench.engine().on_delivered(std::exchange(bench.pushes(), {})[0].number, {Delivered::Kind::error, {}, "broke"});
        bench.run();
        bench.clock().advance(1ms);
    }
    const auto page = bench.get<DeadPushPage>(ListDeadPushes{.actor = a});
    ASSERT_EQ(page.pushes.size(), 2U);
    EXPECT_EQ(page.pushes[0].second.error, "broke");
    EXPECT_EQ(page.pushes[0].second.reason, DeadReason::attempts);
    EXPECT_LT(page.pushes[0].first.seq, page.pushes[1].first.seq);
    const auto first = bench.get<DeadPushPage>(ListDeadPushes{.actor = a, .limit = 1});
    ASSERT_TRUE(first.next);
    EXPECT_EQ(bench.get<DeadPushPage>(ListDeadPushes{.actor = a, .limit = 1, .after = first.next}).pushes[0].first, page.pushes[1].first);
}

class RegistrationsTest : public ::testing::Test {
  protected:
    void send(const std::string& text) { bench_.send(alice_, talk_, text, text); }
    void set(const Actor& actor, PushRegistration registration) { bench_.get<Done>(SetPush{actor, std::move(registration)}); }

    EngineBench bench_{Limits{}, {{.plugin = "phones", .timeout = Millis{10'000}, .providers = {"fcm"}}}};
    Actor alice_ = bench_.sign_up("alice"), bob_ = bench_.sign_up("bob");
    ConversationId talk_ = bench_.direct(alice_, bob_);
};

TEST_F(RegistrationsTest, each_device_with_a_registration_that_a_plugin_serves_gets_one) {
    send("nobody is registered");
    EXPECT_TRUE(bench_.pushes().empty());
    const auto tablet = bench_.log_in(bob_.user), browser = bench_.log_in(bob_.user);
    set(bob_, {"fcm", R"({"token":1})"});
    set(tablet, {"fcm", R"({"token":2})"});
    set(browser, {"webpush", "{}"});
    send("hi");
    ASSERT_EQ(bench_.pushes().size(), 2U);
    EXPECT_EQ(bench_.pushes()[0].registration.json, R"({"token":1})");
    EXPECT_EQ(bench_.pushes()[1].device, tablet.device);
}

TEST_F(RegistrationsTest, one_that_is_gone_is_dropped_but_not_a_newer_one) {
    set(bob_, {"fcm", "old"});
    send("1");
    const auto first = std::exchange(bench_.pushes(), {});
    set(bob_, {"fcm", "new"});
    bench_.engine().on_delivered(first.at(0).number, {Delivered::Kind::gone, {}, {}});
    send("2");
    const auto second = std::exchange(bench_.pushes(), {});
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].registration.json, "new");
    bench_.engine().on_delivered(second[0].number, {Delivered::Kind::gone, {}, {}});
    send("3");
    EXPECT_TRUE(bench_.pushes().empty());
    bench_.restart();
    send("4");
    EXPECT_TRUE(bench_.pushes().empty());
}

TEST_F(RegistrationsTest, it_goes_with_its_device_and_survives_a_restart) {
    set(bob_, {"fcm", "{}"});
    bench_.restart();
    send("1");
    EXPECT_EQ(std::exchange(bench_.pushes(), {}).size(), 1U);
    bench_.get<Done>(CloseSession{bob_, bob_.device});
    send("2");
    EXPECT_TRUE(bench_.pushes().empty());
    EXPECT_EQ(bench_.error(SetPush{bob_, {"fcm", "{}"}}), Code::unauthenticated);
}

TEST(NoPushesTest, without_a_plugin_that_pushes_there_are_no_rows) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    bench.attach(b);
    bench.send(a, bench.direct(a, b), "1", "hi");
    for (const auto table : {Table::push_outbox, Table::push_open})
        EXPECT_TRUE(bench.store().scan(table, std::string(), std::string(24, '\xFF'), Order::ascending,
                                       [](auto, auto) { return ADD_FAILURE(), true; }));
}

}  // namespace
}  // namespace madang
