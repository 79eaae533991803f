#include "wire/answers.hpp"

#include <gtest/gtest.h>

namespace madang::wire {
namespace {

template <typename Append>
std::string json_of(Append append) {
    std::string out;
    append(out);
    return out;
}

TEST(answers, problem_document) {
    const Error error{Code::rate_limited, "at most 500 sends a second", std::chrono::milliseconds{120}};
    EXPECT_EQ(
        json_of([&](auto& out) { append_problem(out, 429, "Too Many Requests", error); }),
        R"({"type":"about:blank","title":"Too Many Requests","status":429,"detail":"at most 500 sends a second","code":"rate_limited","retry_after_ms":120})");
}

TEST(answers, a_resync_problem_says_why_and_where_to_go_on) {
    const ResyncHint hint{"trimmed", Cursor{40}};
    EXPECT_EQ(
        json_of([&](auto& out) { append_problem(out, 409, "Conflict", Error{Code::resync_required, "d"}, &hint); }),
        R"({"type":"about:blank","title":"Conflict","status":409,"detail":"d","code":"resync_required","reason":"trimmed","cursor":40})");
}

TEST(answers, frames) {
    EXPECT_EQ(json_of([](auto& out) { append_attached(out, "", Cursor{7}); }), R"({"op":"attached","cursor":7})");
    EXPECT_EQ(json_of([](auto& out) { append_attached(out, "\"r\"", Cursor{0}); }), R"({"op":"attached","ref":"r","cursor":0})");
    EXPECT_EQ(json_of([](auto& out) { append_resync(out, {"ahead", Cursor{7}}); }), R"({"op":"resync","reason":"ahead","cursor":7})");
    EXPECT_EQ(json_of([](auto& out) { append_pong(out, ""); }), R"({"op":"pong"})");
    EXPECT_EQ(json_of([](auto& out) { append_goaway(out, std::chrono::milliseconds{250}); }), R"({"op":"goaway","after_ms":250})");
    EXPECT_EQ(json_of([](auto& out) { append_reply(out, "1"); }), R"({"op":"reply","ref":1})");
    EXPECT_EQ(json_of([](auto& out) { append_message_reply(out, "1", "{}"); }), R"({"op":"reply","ref":1,"message":{}})");
    EXPECT_EQ(json_of([](auto& out) { append_error_reply(out, "1", Error{Code::not_a_member, "left \"it\""}); }),
              R"({"op":"reply","ref":1,"error":{"code":"not_a_member","message":"left \"it\""}})");
    EXPECT_EQ(json_of([](auto& out) { append_error_reply(out, "", Error{Code::unavailable, "", std::chrono::milliseconds{9}}); }),
              R"({"op":"reply","error":{"code":"unavailable","message":"","retry_after_ms":9}})");
}

}  // namespace
}  // namespace madang::wire
