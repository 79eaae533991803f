#include "server/plugin_console.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

namespace madang::server {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

bool is_readable(const PluginConsole& console, std::chrono::milliseconds within = 0ms) {
    pollfd look{.fd = console.descriptor(), .events = POLLIN, .revents = 0};
    return poll(&look, 1, static_cast<int>(within.count())) == 1;
}

// The plugins' side, for one order.
std::jthread answering(PluginConsole& console, Result<PluginConsole::Rows> outcome) {
    return std::jthread{[&console, outcome] {
        if (!is_readable(console, 10s)) return;
        for (const auto& order : console.take()) console.answer(order.number, outcome);
    }};
}

TEST(PluginConsoleTest, an_order_is_answered_with_rows) {
    PluginConsole console;
    const auto other = answering(console, PluginConsole::Rows{{"House"}});
    const auto answer = console.ask("reload", {"House"}, {});
    ASSERT_TRUE(answer);
    EXPECT_THAT(*answer, ElementsAre(ElementsAre("House")));
}

TEST(PluginConsoleTest, an_order_that_failed_says_why) {
    PluginConsole console;
    const auto other = answering(console, fail(Code::bad_request, "house.py:3: SyntaxError"));
    const auto answer = console.ask("reload", {}, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::bad_request);
    EXPECT_EQ(answer.error().detail, "house.py:3: SyntaxError");
}

TEST(PluginConsoleTest, the_descriptor_is_readable_while_orders_wait) {
    PluginConsole console;
    EXPECT_FALSE(is_readable(console));
    EXPECT_TRUE(console.tell("reload"));
    EXPECT_TRUE(is_readable(console));
    const auto orders = console.take();
    ASSERT_THAT(orders, SizeIs(1));
    EXPECT_EQ(orders[0].number, 0U);
    EXPECT_EQ(orders[0].command, "reload");
    EXPECT_FALSE(is_readable(console));
    console.answer(0, PluginConsole::Rows{});  // nobody waits
}

TEST(PluginConsoleTest, orders_that_nobody_takes_are_bounded) {
    PluginConsole console;
    for (std::size_t i = 0; i < kOrdersMax; ++i) EXPECT_TRUE(console.tell("reload"));
    EXPECT_FALSE(console.tell("reload"));
    const auto answer = console.ask("reload", {}, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::unavailable);
    EXPECT_THAT(console.take(), SizeIs(kOrdersMax));
}

TEST(PluginConsoleTest, who_is_not_answered_in_time_is_told_and_a_late_answer_is_dropped) {
    PluginConsole console{10ms};
    const auto answer = console.ask("reload", {}, {});
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().detail, HasSubstr("something keeps their thread"));
    const auto orders = console.take();
    ASSERT_THAT(orders, SizeIs(1));
    console.answer(orders[0].number, PluginConsole::Rows{{"late"}});
    const auto nobody = console.ask("reload", {}, {});
    EXPECT_FALSE(nobody);  // the late one isn't taken for the next one's
}

TEST(PluginConsoleTest, closing_and_stopping_end_the_wait) {
    PluginConsole console;
    {
        const std::jthread closing{[&] {
            ASSERT_TRUE(is_readable(console, 10s));
            console.close();
        }};
        const auto answer = console.ask("reload", {}, {});
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().detail, "the server stops");
    }
    EXPECT_TRUE(is_readable(console));
    EXPECT_THAT(console.take(), IsEmpty());
    EXPECT_FALSE(console.tell("reload"));

    PluginConsole other;
    std::stop_source stop;
    const std::jthread stopping{[&] {
        EXPECT_TRUE(is_readable(other, 10s));
        stop.request_stop();
    }};
    EXPECT_FALSE(other.ask("reload", {}, stop.get_token()));
}

}  // namespace
}  // namespace madang::server
