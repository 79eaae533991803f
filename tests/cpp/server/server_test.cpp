#include "server/server.hpp"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "folder.hpp"

namespace madang::server {
namespace {

using namespace std::chrono_literals;

class ServerTest : public ::testing::Test {
  protected:
    Config config() const {
        Config made;
        made.server.data = data_.path() + "/data";
        made.server.port = 0;
        made.server.log_level = "error";
        return made;
    }
    // What `ping` answers, empty when nobody does.
    std::vector<std::string> ping() const {
        std::vector<std::string> answer;
        (void)ask_admin(data_.path() + "/data", {"ping", {}}, [&](const Fields& row) { answer = row; });
        return answer;
    }
    const Folder data_;
};

std::string why_not(const Config& config) {
    Server server{config, {}};
    try {
        server.start();
    } catch (const StartError& error) {
        return error.what();
    }
    return "it started";
}

TEST_F(ServerTest, started_server_says_where_it_is) {
    Server server{config(), {}};
    server.start();
    EXPECT_NE(server.port(), 0);
    EXPECT_EQ(server.url(), "http://127.0.0.1:" + std::to_string(server.port()));
    EXPECT_EQ(server.data(), data_.path() + "/data");
    ASSERT_EQ(ping().size(), 4u);
    EXPECT_EQ(ping()[2], server.url());
}

TEST_F(ServerTest, wait_ends_with_a_stop_from_another_thread_and_success) {
    Server server{config(), {}};
    server.start();
    auto waiting = std::async(std::launch::async, [&] { return server.wait(); });
    EXPECT_EQ(waiting.wait_for(50ms), std::future_status::timeout);
    server.stop();
    ASSERT_EQ(waiting.wait_for(5s), std::future_status::ready);
    EXPECT_EQ(waiting.get(), 0);
    EXPECT_TRUE(ping().empty());
}

TEST_F(ServerTest, clock_moves_only_where_it_was_made_movable) {
    const auto advance = [&](const std::string& by) {
        std::vector<std::string> answer;
        const auto done = ask_admin(data_.path() + "/data", {"clock-advance", {by}}, [&](const Fields& row) { answer = row; });
        return done ? answer : std::vector<std::string>{std::string{name_of(done.error().code)}};
    };
    {
        Server server{config(), {}};
        server.start();
        EXPECT_EQ(advance("1000"), std::vector<std::string>{"forbidden"});
    }
    auto movable = config();
    movable.server.clock = "movable";
    Server server{movable, {}};
    server.start();
    EXPECT_EQ(advance("-1"), std::vector<std::string>{"bad_request"});
    const auto before = advance("0"), after = advance("86400000");
    ASSERT_EQ(after.size(), 2u);
    EXPECT_EQ(after[1], "5000");
    EXPECT_NE(before[0].substr(0, 10), after[0].substr(0, 10));  // another day
}

TEST_F(ServerTest, stop_is_idempotent_and_needs_no_start) {
    Server never{config(), {}};
    never.stop();
    EXPECT_EQ(never.wait(), 0);
    Server server{config(), {}};
    server.start();
    server.stop();
    server.stop();
    EXPECT_THROW(server.start(), StartError);
}

TEST_F(ServerTest, folder_is_free_again_after_a_stop) {
    for (int i = 0; i < 3; ++i) {
        Server server{config(), {}};
        server.start();
        EXPECT_FALSE(ping().empty());
    }
}

TEST_F(ServerTest, second_server_on_a_folder_is_refused_and_the_first_goes_on) {
    Server first{config(), {}};
    first.start();
    EXPECT_THAT(why_not(config()), ::testing::HasSubstr("in use"));
    EXPECT_FALSE(ping().empty());
}

TEST_F(ServerTest, taken_port_is_named) {
    Server first{config(), {}};
    first.start();
    auto second = config();
    second.server.data = data_.path() + "/other";
    second.server.port = first.port();
    EXPECT_THAT(why_not(second), ::testing::HasSubstr(std::to_string(first.port())));
}

TEST_F(ServerTest, address_that_is_none_and_folder_that_cannot_be_are_refused) {
    auto wrong = config();
    wrong.server.host = "not an address";
    EXPECT_NE(why_not(wrong), "it started");
    wrong = config();
    wrong.server.data = "/proc/nowhere/data";
    EXPECT_THAT(why_not(wrong), ::testing::HasSubstr("/proc/nowhere/data"));
}

}  // namespace
}  // namespace madang::server
