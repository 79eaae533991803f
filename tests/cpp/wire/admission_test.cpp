#include "wire/admission.hpp"

#include <gtest/gtest.h>

namespace madang::wire {
namespace {

const Time kWhen{Millis{1'769'850'300'007}};
const InviteCode kCode{ConversationId{0x0102030405060708}, {9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24}};

TEST(admission, a_code_names_its_conversation_and_comes_back) {
    const auto text = encode_invite_code(kCode);
    EXPECT_EQ(text, "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY");
    EXPECT_EQ(parse_invite_code(text), kCode);
}

TEST(admission, what_is_no_code_is_none) {
    for (const auto* text : {"", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhc", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYY",
                             "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhc=", "AAAAAAAAAAAJCgsMDQ4PEBESExQVFhcY"})
        EXPECT_FALSE(parse_invite_code(text)) << text;
}

TEST(admission, bodies) {
    EXPECT_EQ(parse_invite("")->max_uses, 0u);
    EXPECT_FALSE(parse_invite("{}")->expires_in);
    const auto body = parse_invite(R"({"expires_in":3600,"max_uses":5})");
    ASSERT_TRUE(body);
    EXPECT_EQ(body->expires_in, Millis{3'600'000});
    EXPECT_EQ(body->max_uses, 5u);
    for (const auto* wrong : {R"({"expires_in":0})", R"({"expires_in":-1})", R"({"expires_in":1.5})", R"({"expires_in":"1h"})",
                              R"({"expires_in":31622401})", R"({"max_uses":0})", R"({"max_uses":10001})", R"({"max_uses":true})", "[]"}) {
        const auto refused = parse_invite(wrong);
        ASSERT_FALSE(refused) << wrong;
        EXPECT_EQ(refused.error().code, Code::bad_request) << wrong;
    }
    EXPECT_EQ(parse_accept(R"({"code":"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY"})"), kCode);
    EXPECT_EQ(parse_accept(R"({"code":"?"})").error().code, Code::not_found);
    EXPECT_EQ(parse_accept(R"({"code":7})").error().code, Code::bad_request);
    EXPECT_EQ(parse_accept("{}").error().code, Code::bad_request);
}

TEST(admission, objects) {
    std::string out;
    append_ban(out, {{UserId{11}, "minsu", "", kWhen}, UserId{12}, kWhen});
    EXPECT_EQ(out, R"({"user":{"id":"11","username":"minsu","display_name":"","created_at":"2026-01-31T09:05:00.007Z"},)"
                   R"("actor_id":"12","created_at":"2026-01-31T09:05:00.007Z"})");
    out.clear();
    Invite invite{.secret = kCode.secret, .creator = UserId{12}, .created_at = kWhen, .expires_at = {}, .max_uses = 0, .uses = 2};
    append_invite(out, kCode.conversation, invite);
    EXPECT_EQ(out, R"({"code":"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY","creator_id":"12","created_at":"2026-01-31T09:05:00.007Z","uses":2})");
    invite.expires_at = kWhen + Millis{1};
    invite.max_uses = 3;
    out.clear();
    append_invite(out, kCode.conversation, invite);
    EXPECT_TRUE(out.ends_with(R"("expires_at":"2026-01-31T09:05:00.008Z","max_uses":3,"uses":2})")) << out;
}

}  // namespace
}  // namespace madang::wire
