#include "chat/presence.hpp"

#include <gtest/gtest.h>

#include "chat/watching.hpp"
#include "engine_bench.hpp"

namespace madang {
namespace {

using namespace std::chrono_literals;

constexpr UserId kAnna{4'096}, kBert{8'192};
constexpr DeviceId kPhone{1}, kLaptop{2};

class AttendanceTest : public ::testing::Test {
  protected:
    std::vector<UserId> turn(Tick now) {
        std::vector<UserId> gone;
        attendance_.turn(now, [&](UserId user) {
            if (attendance_.expire(presence_, user)) gone.push_back(user);
        });
        return gone;
    }
    Attendance attendance_{30s};
    Presence presence_;
};

TEST_F(AttendanceTest, first_socket_brings_and_further_ones_change_nothing) {
    EXPECT_TRUE(attendance_.arrive(presence_));
    EXPECT_FALSE(attendance_.arrive(presence_));
    EXPECT_TRUE(presence_.online);
}

TEST_F(AttendanceTest, cut_user_stays_for_the_time_since_the_last_frame) {
    attendance_.arrive(presence_);
    EXPECT_FALSE(attendance_.depart(presence_, kAnna, kPhone, 100s, 110s));
    EXPECT_TRUE(turn(129'999ms).empty());
    EXPECT_TRUE(presence_.online);
    EXPECT_EQ(turn(130s), std::vector{kAnna});
    EXPECT_FALSE(presence_.online);
}

TEST_F(AttendanceTest, who_comes_back_in_time_never_left) {
    attendance_.arrive(presence_);
    attendance_.depart(presence_, kAnna, kPhone, 100s, 101s);
    EXPECT_FALSE(attendance_.arrive(presence_));
    EXPECT_TRUE(turn(1'000s).empty());
    EXPECT_TRUE(presence_.online);
}

TEST_F(AttendanceTest, socket_silent_for_the_whole_time_is_the_end_at_once) {
    attendance_.arrive(presence_);
    EXPECT_TRUE(attendance_.depart(presence_, kAnna, kPhone, 100s, 130s));
}

TEST_F(AttendanceTest, devices_are_one_presence) {
    attendance_.arrive(presence_);
    attendance_.arrive(presence_);
    EXPECT_FALSE(attendance_.depart(presence_, kAnna, kPhone, 100s, 100s));
    EXPECT_TRUE(turn(200s).empty());
    EXPECT_FALSE(attendance_.depart(presence_, kAnna, kLaptop, 200s, 200s));
    EXPECT_EQ(turn(230s), std::vector{kAnna});
}

TEST_F(AttendanceTest, last_device_that_signs_out_ends_it_at_once) {
    attendance_.arrive(presence_);
    attendance_.arrive(presence_);
    EXPECT_FALSE(attendance_.sign_out(presence_, kAnna, kPhone, 1));
    EXPECT_TRUE(attendance_.sign_out(presence_, kAnna, kLaptop, 1));
    EXPECT_TRUE(turn(1'000s).empty());
}

TEST_F(AttendanceTest, device_that_was_cut_and_signs_out_counts_no_more) {
    attendance_.arrive(presence_);
    attendance_.depart(presence_, kAnna, kPhone, 100s, 100s);
    EXPECT_TRUE(attendance_.sign_out(presence_, kAnna, kPhone, 0));
}

TEST_F(AttendanceTest, other_device_that_was_cut_still_may_come_back) {
    attendance_.arrive(presence_);
    attendance_.arrive(presence_);
    attendance_.depart(presence_, kAnna, kLaptop, 100s, 100s);
    EXPECT_FALSE(attendance_.sign_out(presence_, kAnna, kPhone, 1));
    EXPECT_EQ(turn(130s), std::vector{kAnna});
}

TEST_F(AttendanceTest, frame_without_a_socket_keeps_and_does_not_bring) {
    attendance_.hear(presence_, kAnna, kPhone, 10s);
    EXPECT_FALSE(presence_.online);
    attendance_.arrive(presence_);
    attendance_.depart(presence_, kAnna, kPhone, 100s, 100s);
    attendance_.hear(presence_, kAnna, kPhone, 120s);
    EXPECT_TRUE(turn(149s).empty());
    EXPECT_EQ(turn(150s), std::vector{kAnna});
}

TEST_F(AttendanceTest, one_users_time_is_not_anothers) {
    Presence bert;
    attendance_.arrive(presence_);
    attendance_.arrive(bert);
    attendance_.depart(bert, kBert, kPhone, 100s, 100s);
    EXPECT_TRUE(attendance_.depart(presence_, kAnna, kPhone, 50s, 100s));
    EXPECT_TRUE(bert.online);
}

// ---- in the engine ----------------------------------------------------------------------------------------------------------------------

class PresenceTest : public ::testing::Test {
  protected:
    PresencePage presence(const Actor& asker, std::vector<UserId> users) { return bench_.get<PresencePage>(GetPresence{asker, users}); }
    void pass(Millis time) {
        for (Millis passed{0}; passed < time; passed += 100ms) {
            bench_.clock().advance(100ms);
            bench_.engine().tick();
            bench_.run();
        }
    }
    void befriend(const Actor& one, const Actor& other) {
        bench_.get<Friendship>(ChangeRelation{one, other.user, RelationAct::befriend});
        bench_.get<Friendship>(ChangeRelation{other, one.user, RelationAct::befriend});
    }
    void watch(const Actor& who, SessionId session, std::vector<UserId> users) { bench_.get<Done>(Watch{who, session, std::move(users)}); }
    std::vector<bool> told(SessionId session) {
        std::vector<bool> online;
        for (const auto& signal : std::exchange(bench_.signals(session), {}))
            if (const auto* one = std::get_if<PresenceSignal>(&signal)) online.push_back(one->online);
        return online;
    }
    EngineBench bench_;
    Actor anna_ = bench_.sign_up("anna"), bert_ = bench_.sign_up("bert"), carl_ = bench_.sign_up("carl");
};

TEST_F(PresenceTest, strangers_and_unknown_ids_look_alike) {
    bench_.direct(anna_, bert_);
    bench_.attach(anna_);
    const auto seen = presence(bert_, {anna_.user}).presence.at(0);
    EXPECT_TRUE(seen.online);
    EXPECT_NE(seen.last_active_at, Time{});
    const auto page = presence(carl_, {anna_.user, UserId{4'096 * 77}});
    EXPECT_EQ(page.presence.at(0), (PresenceSignal{anna_.user, false, {}}));
    EXPECT_EQ(page.presence.at(1), (PresenceSignal{UserId{4'096 * 77}, false, {}}));
    EXPECT_TRUE(presence(anna_, {anna_.user}).presence.at(0).online);
}

TEST_F(PresenceTest, watch_answers_at_once_and_then_tells_changes) {
    bench_.direct(anna_, bert_);
    const auto socket = bench_.attach(bert_);
    watch(bert_, socket, {anna_.user, carl_.user});
    EXPECT_EQ(told(socket), (std::vector{false, false}));
    const auto first = bench_.attach(anna_);
    pass(1s);
    EXPECT_EQ(told(socket), std::vector{true});
    bench_.tell(Detach{first, anna_.user, bench_.clock().tick()});
    pass(10s);
    const auto second = bench_.attach(anna_);
    pass(60s);
    EXPECT_TRUE(told(socket).empty()) << "a short loss is no change";
    bench_.tell(Detach{second, anna_.user, bench_.clock().tick()});
    pass(29s);
    EXPECT_TRUE(told(socket).empty());
    pass(2s);
    EXPECT_EQ(told(socket), std::vector{false});
    bench_.get<Done>(CloseSession{bert_, bert_.device});
}

TEST_F(PresenceTest, membership_decides_anew) {
    const auto group = bench_.group(anna_, {bert_.user, carl_.user});
    const auto socket = bench_.attach(bert_);
    bench_.attach(anna_);
    watch(bert_, socket, {anna_.user});
    EXPECT_EQ(told(socket), std::vector{true});
    bench_.get<Done>(RemoveMember{anna_, group, bert_.user});
    pass(2s);
    EXPECT_EQ(told(socket), std::vector{false});
    bench_.direct(anna_, bert_);
    pass(2s);
    EXPECT_EQ(told(socket), std::vector{true});
}

TEST_F(PresenceTest, list_that_is_replaced_is_not_told_of) {
    bench_.direct(anna_, bert_);
    const auto socket = bench_.attach(bert_);
    watch(bert_, socket, {anna_.user});
    watch(bert_, socket, {});
    told(socket);
    bench_.attach(anna_);
    pass(2s);
    EXPECT_TRUE(told(socket).empty());
    EXPECT_EQ(bench_.engine().figures().watched, 0u);
}

TEST_F(PresenceTest, log_out_is_at_once_and_last_active_outlives_a_restart) {
    bench_.direct(anna_, bert_);
    bench_.attach(anna_);
    bench_.get<Done>(CloseSession{anna_, anna_.device});
    const auto gone = presence(bert_, {anna_.user}).presence.at(0);
    EXPECT_FALSE(gone.online);
    EXPECT_NE(gone.last_active_at, Time{});
    bench_.restart();
    EXPECT_EQ(presence(bert_, {anna_.user}).presence.at(0), gone);
}

TEST_F(PresenceTest, many_changes_of_one_user_are_told_as_one) {
    bench_.direct(anna_, bert_);
    const auto socket = bench_.attach(bert_);
    watch(bert_, socket, {anna_.user});
    told(socket);
    for (int i = 0; i < 10; ++i) {
        const auto device = bench_.log_in(anna_.user);
        bench_.attach(device);
        bench_.get<Done>(CloseSession{device, device.device});
    }
    pass(1s);
    EXPECT_LE(told(socket).size(), 1u);
}

TEST_F(PresenceTest, crowd_is_told_in_parts_between_which_messages_go) {
    constexpr std::size_t kWatchers = kPresenceSignalsATurn * 5 / 2;
    std::vector<SessionId> sockets;
    for (std::size_t n = 0; n < kWatchers; ++n) {
        const auto one = bench_.sign_up("watcher" + std::to_string(n));
        bench_.direct(one, anna_);
        sockets.push_back(bench_.attach(one));
        watch(one, sockets.back(), {anna_.user});
        told(sockets.back());
    }
    pass(1s);
    bench_.attach(anna_);
    bench_.clock().advance(100ms);
    bench_.engine().tick();
    std::vector<std::size_t> of_turns;
    do {
        bench_.turn();
        of_turns.push_back(0);
        for (const auto socket : sockets) of_turns.back() += told(socket).size();
    } while (bench_.engine().wants_turn());
    EXPECT_EQ(of_turns, (std::vector{kPresenceSignalsATurn, kPresenceSignalsATurn, kPresenceSignalsATurn / 2}));
}

TEST_F(PresenceTest, who_asked_before_the_first_push_hears_of_the_end) {
    befriend(anna_, bert_);
    const auto socket = bench_.attach(bert_);
    pass(5s);
    const auto first = bench_.log_in(anna_.user), second = bench_.log_in(anna_.user);
    for (const auto& device : {first, second}) {  // what follows soon after a push waits
        told(socket);
        bench_.attach(device);
        EXPECT_TRUE(presence(bert_, {anna_.user}).presence.at(0).online);
        bench_.get<Done>(CloseSession{device, device.device});
        pass(1s);
        const auto heard = told(socket);
        ASSERT_FALSE(heard.empty());
        EXPECT_FALSE(heard.back());
    }
}

TEST_F(PresenceTest, socket_that_comes_hears_which_friends_are_online) {
    befriend(anna_, bert_);
    bench_.attach(anna_);
    const auto first = bench_.attach(bert_);
    pass(1s);
    EXPECT_EQ(told(first), std::vector{true});
    const auto second = bench_.attach(bench_.log_in(bert_.user));
    pass(1s);
    EXPECT_EQ(told(second), std::vector{true});
    EXPECT_TRUE(told(first).empty()) << "it knows";
}

TEST_F(PresenceTest, what_a_friend_did_while_nobody_heard_is_told_to_who_comes) {
    befriend(anna_, bert_);
    bench_.attach(anna_);
    const auto before = bench_.attach(bert_);
    pass(1s);
    EXPECT_EQ(told(before), std::vector{true});
    bench_.tell(Detach{before, bert_.user, bench_.clock().tick()});
    bench_.get<Done>(CloseSession{anna_, anna_.device});
    pass(1s);
    const auto after = bench_.attach(bert_);
    pass(1s);
    EXPECT_EQ(told(after), std::vector{false});
}

TEST_F(PresenceTest, who_is_no_friend_any_more_is_offline) {
    befriend(anna_, bert_);
    bench_.attach(anna_);
    const auto socket = bench_.attach(bert_);
    pass(1s);
    EXPECT_EQ(told(socket), std::vector{true});
    bench_.get<Friendship>(ChangeRelation{anna_, bert_.user, RelationAct::unfriend});
    pass(1s);
    EXPECT_EQ(told(socket), std::vector{false});
}

TEST_F(PresenceTest, presence_of_a_conversation_comes_in_pages_for_its_members) {
    const auto group = bench_.group(anna_, {bert_.user});
    bench_.attach(anna_);
    const auto page = bench_.get<PresencePage>(ListPresence{bert_, group, 1, std::nullopt});
    ASSERT_EQ(page.presence.size(), 1u);
    ASSERT_TRUE(page.next);
    const auto rest = bench_.get<PresencePage>(ListPresence{bert_, group, 1, page.next});
    EXPECT_EQ(rest.presence.size(), 1u);
    EXPECT_FALSE(rest.next);
    EXPECT_NE(page.presence[0].online, rest.presence[0].online);
    EXPECT_EQ(bench_.error(ListPresence{carl_, group, 1, std::nullopt}), Code::not_found);
}

// ---- typing -----------------------------------------------------------------------------------------------------------------------------

TEST_F(PresenceTest, typing_is_told_to_the_others_once_in_two_seconds) {
    const auto group = bench_.group(anna_, {bert_.user});
    const auto typist = bench_.attach(anna_), reader = bench_.attach(bert_);
    for (int i = 0; i < 5; ++i) bench_.get<Done>(Typing{anna_, group});
    ASSERT_EQ(bench_.signals(reader).size(), 1u);
    const auto& signal = std::get<TypingSignal>(bench_.signals(reader)[0]);
    EXPECT_EQ(signal, (TypingSignal{group, anna_.user, bench_.clock().now() + 6s}));
    EXPECT_TRUE(bench_.signals(typist).empty());
    pass(2s);
    bench_.get<Done>(Typing{anna_, group});
    EXPECT_EQ(bench_.signals(reader).size(), 2u);
    EXPECT_EQ(bench_.error(Typing{carl_, group}), Code::not_found);
}

}  // namespace
}  // namespace madang
