#include "wire/pushes.hpp"

#include <gtest/gtest.h>

namespace madang::wire {
namespace {

TEST(Pushes, a_registration_is_kept_as_it_was_sent) {
    const std::string body = R"({"token": "t", "provider":"fcm", "n": [1, {"a": null}]})";
    const auto registration = parse_push_registration(body);
    ASSERT_TRUE(registration);
    EXPECT_EQ(registration->provider, "fcm");
    EXPECT_EQ(registration->json, body);
}

TEST(Pushes, what_is_no_registration_is_refused) {
    for (const auto* body : {"", "[]", "{}", R"({"provider":1})", R"({"provider":""})", R"({"provider":null})", R"({"provider":"a"}x)"})
        EXPECT_EQ(parse_push_registration(body).error().code, Code::bad_request) << body;
    EXPECT_TRUE(parse_push_registration(R"({"provider":")" + std::string(32, 'x') + "\"}"));
    EXPECT_EQ(parse_push_registration(R"({"provider":")" + std::string(33, 'x') + "\"}").error().code, Code::bad_request);
    const std::string frame = R"({"provider":"p","t":""})";
    EXPECT_TRUE(parse_push_registration(R"({"provider":"p","t":")" + std::string(kRegistrationBytes - frame.size(), 'x') + "\"}"));
    EXPECT_EQ(
        parse_push_registration(R"({"provider":"p","t":")" + std::string(kRegistrationBytes + 1 - frame.size(), 'x') + "\"}").error().code,
        Code::too_large);
}

TEST(Pushes, the_place_in_a_list_comes_back_as_it_was_given) {
    const PushKey key{UserId{1}, ConversationId{22}, Seq{333}};
    EXPECT_EQ(encode_push_key(key), "1.22.333");
    EXPECT_EQ(parse_push_key("1.22.333"), key);
    for (const auto* text : {"", "1", "1.2", "1.2.", "1.2.3.4", "a.2.3", "0.2.3", ".2.3"}) EXPECT_FALSE(parse_push_key(text)) << text;
}

TEST(Pushes, one_that_was_given_up_says_why) {
    std::string json;
    append_dead_push(json, {UserId{1}, ConversationId{2}, Seq{3}}, {Time{}, Time{Millis{1'000}}, 4, DeadReason::attempts, "no \"way\""});
    EXPECT_EQ(json,
              R"({"user_id":"1","conversation_id":"2","seq":3,"since":"1970-01-01T00:00:00.000Z","given_up_at":"1970-01-01T00:00:01.000Z",)"
              R"("attempts":4,"reason":"attempts","error":"no \"way\""})");
}

}  // namespace
}  // namespace madang::wire
