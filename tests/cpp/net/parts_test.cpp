// The small parts without sockets: tokens, targets, origins, rates, deadlines.
#include <gtest/gtest.h>

#include "net/origins.hpp"
#include "net/query.hpp"
#include "net/rate_limiter.hpp"
#include "net/timer_wheel.hpp"
#include "net/token.hpp"

namespace madang::net {
namespace {

using namespace std::chrono_literals;

TEST(token, survives_the_way_there_and_back) {
    Token token{UserId{0x0123'4567'89AB'CDEF}, DeviceId{42}, {}};
    for (std::size_t i = 0; i < token.secret.size(); ++i) token.secret[i] = static_cast<std::uint8_t>(i * 37 + 250);
    const auto text = encode_token(token);
    EXPECT_EQ(text.size(), 64u);
    EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), std::string::npos);
    const auto parsed = parse_token(text);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->user, token.user);
    EXPECT_EQ(parsed->device, token.device);
    EXPECT_EQ(parsed->secret, token.secret);
}

TEST(token, what_is_none_is_refused) {
    const auto good = encode_token({UserId{1}, DeviceId{1}, {}});
    EXPECT_FALSE(parse_token(""));
    EXPECT_FALSE(parse_token(good.substr(1)));
    EXPECT_FALSE(parse_token(good + "A"));
    for (const char bad : {'=', '+', '/', ' ', '\0', '\xff'}) {
        auto text = good;
        text[40] = bad;
        EXPECT_FALSE(parse_token(text)) << bad;
    }
    EXPECT_FALSE(parse_token(encode_token({UserId{0}, DeviceId{1}, {}})));
    EXPECT_FALSE(parse_token(encode_token({UserId{1}, DeviceId{0}, {}})));
}

TEST(target, is_split_and_decoded) {
    const auto target = parse_target("/v1/us%65rs/%EB%AF%BC?username=a+b%20c&x&y=1=2&x=last");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "users", "민"}));
    EXPECT_EQ(target->query.find("username"), "a b c");
    EXPECT_EQ(target->query.find("x"), "last");
    EXPECT_EQ(target->query.find("y"), "1=2");
    EXPECT_EQ(target->query.find("z"), std::nullopt);
    EXPECT_EQ(parse_target("/")->segments, std::vector<std::string>{""});
    EXPECT_EQ(parse_target("/?")->segments, std::vector<std::string>{""});
    EXPECT_EQ(parse_target("/a%2Fb")->segments, std::vector<std::string>{"a/b"});
}

TEST(target, broken_ones_are_refused) {
    for (const auto* bad : {"", "*", "v1", "http://h/", "/%", "/%4", "/%zz", "/%ff", "/?a=%", "/?%c0%80"})
        EXPECT_FALSE(parse_target(bad)) << bad;
}

TEST(origins, of_the_own_host_and_of_the_list) {
    const Origins origins{{"https://app.example", "http://localhost:3000"}};
    EXPECT_TRUE(origins.allows("https://chat.example", "chat.example"));
    EXPECT_TRUE(origins.allows("https://CHAT.example:8443", "chat.EXAMPLE:8443"));
    EXPECT_TRUE(origins.allows("HTTPS://APP.example", "chat.example"));
    EXPECT_TRUE(origins.allows("http://localhost:3000", "127.0.0.1:8080"));
    EXPECT_FALSE(origins.allows("https://chat.example:8443", "chat.example"));
    EXPECT_FALSE(origins.allows("http://app.example", "chat.example"));
    EXPECT_FALSE(origins.allows("null", "chat.example"));
    EXPECT_FALSE(origins.allows("https://", ""));
    EXPECT_TRUE(Origins{{"*"}}.allows("null", ""));
}

TEST(rate_limiter, gives_a_seconds_worth_and_then_refills_evenly) {
    Limits limits;
    limits.sends_per_second = 10;
    RateLimiter rates{limits};
    const UserId user{1};
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(rates.take(user, 1, Tick{0}));
    EXPECT_EQ(rates.take(user, 1, Tick{0}), 100ms);
    EXPECT_EQ(rates.take(user, 1, Tick{60}), 40ms);
    EXPECT_FALSE(rates.take(user, 1, Tick{100}));
    EXPECT_TRUE(rates.take(user, 1, Tick{100}));
    EXPECT_FALSE(rates.take(UserId{2}, 1, Tick{100})) << "users do not share";
}

TEST(rate_limiter, counts_bytes_and_lets_any_single_message_out) {
    Limits limits;
    limits.send_bytes_per_second = 1'000;
    RateLimiter rates{limits};
    EXPECT_FALSE(rates.take(UserId{1}, 5'000, Tick{0})) << "larger than a second's worth";
    EXPECT_GE(rates.take(UserId{1}, 1, Tick{0}), 4'000ms);
    EXPECT_FALSE(rates.take(UserId{1}, 1, Tick{4'001}));
}

TEST(rate_limiter, allows_few_costly_calls_at_once_and_more_of_them_later) {
    RateLimiter rates{Limits{}};
    const UserId user{1};
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(rates.take(user, Costly::password, Tick{0}));
    EXPECT_EQ(rates.take(user, Costly::password, Tick{0}), 10'000ms);
    EXPECT_FALSE(rates.take(user, Costly::export_page, Tick{0})) << "each kind for itself";
    EXPECT_FALSE(rates.take(user, Costly::password, Tick{10'000}));
    EXPECT_TRUE(rates.take(user, Costly::password, Tick{10'000}));
    rates.sweep(Tick{20'000});
    EXPECT_EQ(rates.size(), 1u);
    rates.sweep(Tick{100'000});
    EXPECT_EQ(rates.size(), 0u);
}

TEST(rate_limiter, counts_wrong_passwords_and_no_right_ones) {
    RateLimiter rates{Limits{}};
    for (int i = 0; i < 100; ++i) {
        EXPECT_FALSE(rates.take_guess("anna", Tick{0}));
        rates.give_back_guess("anna", Tick{0});
    }
    EXPECT_EQ(rates.size(), 0u);
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(rates.take_guess("anna", Tick{0}));
    EXPECT_EQ(rates.take_guess("anna", Tick{4'000}), 6'000ms);
    EXPECT_FALSE(rates.take_guess("bert", Tick{4'000}));
    EXPECT_FALSE(rates.take_guess("anna", Tick{10'000}));
    EXPECT_TRUE(rates.take_guess("anna", Tick{10'000}));
    rates.sweep(Tick{110'000});
    EXPECT_EQ(rates.size(), 0u);
}

TEST(rate_limiter, forgets_who_is_quiet) {
    RateLimiter rates{Limits{}};
    rates.take(UserId{1}, 1, Tick{0});
    rates.sweep(Tick{0});
    EXPECT_EQ(rates.size(), 1u);
    rates.sweep(Tick{1'000});
    EXPECT_EQ(rates.size(), 0u);
}

struct Alarm final : Timed {
    void on_time(Tick now) override { rang_at.push_back(now); }
    std::vector<Tick> rang_at;
};

TEST(timer_wheel, rings_after_the_deadline_and_within_a_step_or_two) {
    for (const std::int64_t at : {1, 49, 50, 51, 1'000, 30'000}) {
        TimerWheel wheel{Tick{0}};
        Alarm alarm;
        wheel.schedule(alarm, Tick{at});
        for (Tick now{0}; alarm.rang_at.empty(); now += 10ms) {
            wheel.turn(now);
            ASSERT_LE(now, Tick{at} + 3 * TimerWheel::kStep);
        }
        EXPECT_GE(alarm.rang_at[0], Tick{at});
    }
}

TEST(timer_wheel, a_deadline_set_anew_moves) {
    TimerWheel wheel{Tick{0}};
    Alarm alarm;
    wheel.schedule(alarm, Tick{100});
    wheel.schedule(alarm, Tick{1'000});
    wheel.turn(Tick{900});
    EXPECT_TRUE(alarm.rang_at.empty());
    wheel.turn(Tick{1'100});
    EXPECT_EQ(alarm.rang_at.size(), 1u);
    wheel.turn(Tick{90'000});
    EXPECT_EQ(alarm.rang_at.size(), 1u);
}

TEST(timer_wheel, a_jump_of_the_clock_rings_everything_once) {
    TimerWheel wheel{Tick{0}};
    std::vector<Alarm> alarms(100);
    for (std::size_t i = 0; i < alarms.size(); ++i) wheel.schedule(alarms[i], Tick{static_cast<std::int64_t>(i * 500)});
    wheel.turn(Tick{3'600'000});
    for (const auto& alarm : alarms) EXPECT_EQ(alarm.rang_at.size(), 1u);
}

TEST(timer_wheel, who_dies_leaves) {
    TimerWheel wheel{Tick{0}};
    {
        Alarm alarm;
        wheel.schedule(alarm, Tick{100});
    }
    wheel.turn(Tick{1'000});
}

}  // namespace
}  // namespace madang::net
