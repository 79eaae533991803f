#include "hooks/mailbox.hpp"

#include <atomic>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

namespace madang {
namespace {

using ::testing::ElementsAre;

std::vector<HookCall> calls(std::uint64_t first, std::size_t count, std::string text = "hi") {
    std::vector<HookCall> out(count);
    for (std::size_t i = 0; i < count; ++i) out[i].what = CheckCall{.number = first + i, .text = text};
    return out;
}

std::vector<std::uint64_t> numbers(const std::vector<HookCall>& drained) {
    std::vector<std::uint64_t> out;
    for (const auto& call : drained) out.push_back(std::get<CheckCall>(call.what).number);
    return out;
}

bool is_readable(const Mailbox& mailbox) {
    pollfd look{.fd = mailbox.descriptor(), .events = POLLIN, .revents = 0};
    return poll(&look, 1, 0) == 1;
}

const Mailbox::Deliver kNobody = [](std::uint32_t, std::vector<HookAnswer>) {};

TEST(MailboxTest, gives_calls_in_their_order_and_is_readable_while_some_remain) {
    Mailbox mailbox{kNobody};
    EXPECT_FALSE(is_readable(mailbox));
    auto batch = calls(1, 3);
    EXPECT_EQ(mailbox.post(batch), 3U);
    EXPECT_TRUE(is_readable(mailbox));
    EXPECT_THAT(numbers(mailbox.drain(2)), ElementsAre(1, 2));
    EXPECT_TRUE(is_readable(mailbox));
    EXPECT_THAT(numbers(mailbox.drain(2)), ElementsAre(3));
    EXPECT_FALSE(is_readable(mailbox));
}

TEST(MailboxTest, wakes_up_once_for_all_that_comes_before_it_is_drained) {
    Mailbox mailbox{kNobody};
    for (int i = 0; i < 5; ++i) {
        auto batch = calls(1, 4);
        mailbox.post(batch);
    }
    EXPECT_EQ(mailbox.figures().wake_ups, 1U);
    EXPECT_EQ(mailbox.figures().waiting, 20U);
}

TEST(MailboxTest, takes_the_front_of_a_batch_and_leaves_what_has_no_room) {
    Mailbox few{kNobody, 2};
    auto batch = calls(1, 3);
    EXPECT_EQ(few.post(batch), 2U);
    EXPECT_EQ(std::get<CheckCall>(batch[2].what).text, "hi");
    EXPECT_EQ(few.figures().refused, 1U);

    Mailbox small{kNobody, 100, 10'000};
    auto large = calls(1, 3, std::string(4'000, 'x'));
    EXPECT_EQ(small.post(large), 2U);
    small.drain(1);
    auto one = calls(9, 1, std::string(4'000, 'x'));
    EXPECT_EQ(small.post(one), 1U);
}

TEST(MailboxTest, answers_reach_each_loop_in_one_post) {
    std::map<std::uint32_t, std::vector<std::uint64_t>> got;
    std::size_t posts = 0;
    Mailbox mailbox{[&](std::uint32_t loop, std::vector<HookAnswer> answers) {
        ++posts;
        for (const auto& each : answers) got[loop].push_back(each.number);
    }};
    mailbox.answer({{0, 1, Verdict{}}, {2, 7, Verdict{}}, {0, 2, Verdict{}}});
    EXPECT_EQ(posts, 2U);
    EXPECT_THAT(got[0], ElementsAre(1, 2));
    EXPECT_THAT(got[2], ElementsAre(7));
}

TEST(MailboxTest, after_close_it_takes_nothing_drops_answers_and_stays_readable) {
    std::size_t delivered = 0;
    Mailbox mailbox{[&](std::uint32_t, std::vector<HookAnswer>) { ++delivered; }};
    mailbox.close();
    auto batch = calls(1, 1);
    EXPECT_EQ(mailbox.post(batch), 0U);
    mailbox.answer({{0, 1, Verdict{}}});
    EXPECT_EQ(delivered, 0U);
    EXPECT_TRUE(mailbox.drain(10).empty());
    EXPECT_TRUE(is_readable(mailbox));
}

TEST(MailboxTest, many_producers_lose_nothing_and_keep_their_own_order) {
    constexpr std::uint64_t kEach = 5'000;
    Mailbox mailbox{kNobody, 64};
    const auto produce = [&](std::uint64_t first) {
        for (std::uint64_t i = 0; i < kEach;) {
            auto one = calls(first + i, 1);
            if (mailbox.post(one) == 1) ++i;
        }
    };
    std::thread a{produce, 0}, b{produce, kEach};
    std::uint64_t next_a = 0, next_b = kEach;
    while (next_a + next_b < 3 * kEach) {
        pollfd look{.fd = mailbox.descriptor(), .events = POLLIN, .revents = 0};
        ASSERT_EQ(poll(&look, 1, 10'000), 1) << "a wake-up was lost";
        for (const auto number : numbers(mailbox.drain(16))) {
            auto& next = number < kEach ? next_a : next_b;
            ASSERT_EQ(number, next++);
        }
    }
    a.join();
    b.join();
}

}  // namespace
}  // namespace madang
