#include "chat/checks.hpp"

#include <gtest/gtest.h>

namespace madang {
namespace {

const CheckLane kLane{UserId{1}, UserId{}, ConversationId{9}};
constexpr Tick kStart{1'000};

CheckedSend send_of(std::string client_id, std::string text = "hi") {
    CheckedSend send;
    send.request.client_id = std::move(client_id);
    send.call.text = std::move(text);
    return send;
}

class ChecksTest : public ::testing::Test {
  protected:
    std::uint64_t add(const std::string& client_id) {
        checks_.start(kLane, checks_.add(kLane, send_of(client_id)), kStart);
        return last_call();
    }
    std::uint64_t last_call() {
        for (auto& call : checks_.take_calls()) calls_.push_back(std::move(call));
        return calls_.empty() ? 0 : calls_.back().number;
    }
    // What the lane's oldest ended with; empty while it waits. Ends it.
    std::string outcome() {
        if (checks_.ready(kLane) == nullptr) return {};
        const auto send = checks_.take_oldest(kLane);
        return *send.outcome ? send.call.text : std::string{name_of(send.outcome->error().code)} + ": " + send.outcome->error().detail;
    }

    std::vector<CheckCall> calls_;
    Checks checks_{{{.timeout = Millis{200}}}, 100};
};

TEST_F(ChecksTest, verdicts_are_applied_in_the_order_of_the_sends) {
    const auto first = add("a"), second = add("b");
    EXPECT_FALSE(checks_.on_verdict(second, {Verdict::Kind::deny, "rude"}, kStart).has_value() && checks_.ready(kLane));
    EXPECT_EQ(outcome(), "");
    ASSERT_TRUE(checks_.on_verdict(first, {Verdict::Kind::modify, "better"}, kStart));
    EXPECT_EQ(outcome(), "better");
    EXPECT_EQ(outcome(), "denied_by_policy: rude");
    EXPECT_TRUE(checks_.empty());
}

TEST_F(ChecksTest, the_deadline_counts_from_the_call_and_the_rule_decides) {
    const auto call = add("a");
    EXPECT_EQ(checks_.next_deadline(), kStart + Tick{200});
    EXPECT_TRUE(checks_.end_late(kStart + Tick{199}).empty());
    EXPECT_EQ(checks_.end_late(kStart + Tick{200}).size(), 1U);
    EXPECT_EQ(checks_.next_deadline(), std::nullopt);
    EXPECT_FALSE(checks_.on_verdict(call, {}, kStart + Tick{201}));
    EXPECT_EQ(checks_.late_verdicts(), 1U);
    EXPECT_TRUE(outcome().starts_with("plugin_unavailable"));
}

TEST_F(ChecksTest, on_error_allow_stores_the_text_as_it_is) {
    checks_ = Checks{{{.timeout = Millis{200}, .on_error = OnError::allow}}, 100};
    checks_.on_verdict(add("a"), {Verdict::Kind::error, "broke"}, kStart);
    EXPECT_EQ(outcome(), "hi");
    checks_.on_refused(add("b"), kStart);
    EXPECT_EQ(outcome(), "hi");
    EXPECT_EQ(checks_.figures()[0].errors, 1U);
    EXPECT_EQ(checks_.figures()[0].refused, 1U);
}

TEST_F(ChecksTest, a_new_text_that_is_empty_or_too_long_is_the_plugins_error) {
    checks_.on_verdict(add("a"), {Verdict::Kind::modify, ""}, kStart);
    EXPECT_TRUE(outcome().starts_with("plugin_unavailable"));
    checks_.on_verdict(add("b"), {Verdict::Kind::modify, std::string(101, 'x')}, kStart);
    EXPECT_TRUE(outcome().starts_with("plugin_unavailable"));
    EXPECT_EQ(checks_.figures()[0].errors, 2U);
}

TEST_F(ChecksTest, stages_follow_each_other_first_deny_wins_and_a_change_feeds_the_next) {
    checks_ = Checks{{{.timeout = Millis{200}}, {.timeout = Millis{50}}}, 100};
    const auto first = add("a");
    EXPECT_FALSE(checks_.on_verdict(first, {Verdict::Kind::modify, "changed"}, kStart + Tick{100}));
    const auto second = last_call();
    EXPECT_EQ(calls_.back().text, "changed");
    EXPECT_EQ(checks_.next_deadline(), kStart + Tick{150});
    EXPECT_TRUE(checks_.on_verdict(second, {}, kStart + Tick{110}));
    EXPECT_EQ(outcome(), "changed");

    const auto denied = add("b");
    EXPECT_TRUE(checks_.on_verdict(denied, {Verdict::Kind::deny, ""}, kStart));
    EXPECT_TRUE(checks_.take_calls().empty());
    EXPECT_EQ(outcome(), "denied_by_policy: a rule of this server refuses the message");
}

TEST_F(ChecksTest, the_first_hold_or_shadow_stands_unless_a_later_stage_denies) {
    checks_ = Checks{{{.timeout = Millis{200}}, {.timeout = Millis{200}}}, 100};
    const auto fate = [&](Verdict first, Verdict second) {
        checks_.on_verdict(add("a"), std::move(first), kStart);
        checks_.on_verdict(last_call(), std::move(second), kStart);
        return checks_.take_oldest(kLane);
    };
    auto send = fate({Verdict::Kind::hold, "perhaps"}, {Verdict::Kind::shadow, ""});
    EXPECT_TRUE(send.outcome->has_value());
    EXPECT_EQ(send.fate, Fate::hold);
    EXPECT_EQ(send.held_because, "perhaps");
    EXPECT_EQ(fate({Verdict::Kind::shadow, ""}, {Verdict::Kind::hold, "perhaps"}).fate, Fate::shadow);
    send = fate({Verdict::Kind::hold, "perhaps"}, {Verdict::Kind::modify, "better"});
    EXPECT_EQ(send.fate, Fate::hold);
    EXPECT_EQ(send.call.text, "better");
    EXPECT_EQ(fate({Verdict::Kind::shadow, ""}, {Verdict::Kind::deny, "no"}).outcome->error().code, Code::denied_by_policy);
    EXPECT_EQ(fate({}, {}).fate, Fate::store);
    EXPECT_EQ(checks_.figures()[0].held, 2U);
    EXPECT_EQ(checks_.figures()[0].shadowed, 2U);
    EXPECT_EQ(checks_.figures()[1].held, 1U);
}

TEST_F(ChecksTest, on_error_hold_keeps_a_message_and_refuses_an_edit) {
    checks_ = Checks{{{.timeout = Millis{200}, .on_error = OnError::hold}}, 100};
    checks_.on_verdict(add("a"), {Verdict::Kind::error, "broke"}, kStart);
    const auto send = checks_.take_oldest(kLane);
    EXPECT_TRUE(send.outcome->has_value());
    EXPECT_EQ(send.fate, Fate::hold);
    EXPECT_FALSE(send.held_because.empty());
    for (const auto kind : {Verdict::Kind::error, Verdict::Kind::hold, Verdict::Kind::shadow}) {
        auto edit = send_of("");
        edit.revision = CheckedSend::Revision{Seq{1}, false};
        checks_.start(kLane, checks_.add(kLane, std::move(edit)), kStart);
        checks_.on_verdict(last_call(), {kind, ""}, kStart);
        EXPECT_EQ(outcome().starts_with("denied_by_policy"), kind != Verdict::Kind::error);
        EXPECT_TRUE(checks_.empty());
    }
}

TEST_F(ChecksTest, one_that_is_not_started_keeps_its_place_and_may_be_decided_at_once) {
    auto& first = checks_.add(kLane, send_of("a"));
    const auto second = add("b");
    checks_.on_verdict(second, {}, kStart);
    EXPECT_EQ(outcome(), "");
    EXPECT_EQ(calls_.size(), 1U);
    checks_.decide(first, fail(Code::forbidden, "not yours"));
    EXPECT_EQ(outcome(), "forbidden: not yours");
    EXPECT_EQ(outcome(), "hi");
}

TEST_F(ChecksTest, an_observer_is_called_and_nobody_waits_for_it) {
    checks_ = Checks{{{.timeout = Millis{200}, .observe = true}}, 100};
    EXPECT_EQ(add("a"), 0U);
    ASSERT_EQ(calls_.size(), 1U);
    EXPECT_EQ(outcome(), "hi");
}

TEST_F(ChecksTest, a_plugin_that_keeps_failing_is_not_asked_for_a_while) {
    for (unsigned i = 0; i < kBreakerFailures; ++i) {
        checks_.on_verdict(add("c" + std::to_string(i)), {Verdict::Kind::error, "broke"}, kStart);
        outcome();
    }
    calls_.clear();
    EXPECT_EQ(add("next"), 0U);
    EXPECT_TRUE(outcome().starts_with("plugin_unavailable"));
    EXPECT_TRUE(checks_.figures()[0].is_open);
    EXPECT_EQ(checks_.figures()[0].skipped, 1U);
}

TEST_F(ChecksTest, a_lane_takes_so_many_sends_and_no_more) {
    for (std::size_t i = 0; i < kSendsWithoutVerdict; ++i) {
        EXPECT_FALSE(checks_.is_full(kLane));
        add("c" + std::to_string(i));
    }
    EXPECT_TRUE(checks_.is_full(kLane));
    EXPECT_FALSE(checks_.is_full({UserId{2}, UserId{}, ConversationId{9}}));
    EXPECT_NE(checks_.find(kLane, "c7"), nullptr);
    EXPECT_EQ(checks_.find(kLane, "new"), nullptr);
}

}  // namespace
}  // namespace madang
