#include "wire/bodies.hpp"

#include <gtest/gtest.h>

namespace madang::wire {
namespace {

const Limits kLimits;

template <typename T>
void expect_error(const Result<T>& result, Code code, std::string_view mentions) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code);
    EXPECT_NE(result.error().detail.find(mentions), std::string::npos) << result.error().detail;
}

TEST(bodies, sign_up) {
    const auto body = parse_sign_up(R"({"username":"민수","password":"correct horse","display_name":"Minsu"})", kLimits);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->username, "민수");
    EXPECT_EQ(body->password, "correct horse");
    EXPECT_EQ(body->display_name, "Minsu");
    EXPECT_EQ(parse_sign_up(R"({"username":"a","password":"12345678"})", kLimits)->display_name, "");
}

TEST(bodies, sign_up_names_what_is_wrong) {
    expect_error(parse_sign_up("", kLimits), Code::bad_request, "JSON object");
    expect_error(parse_sign_up("[]", kLimits), Code::bad_request, "JSON object");
    expect_error(parse_sign_up("{}", kLimits), Code::bad_request, "username");
    expect_error(parse_sign_up(R"({"username":"a"})", kLimits), Code::bad_request, "password");
    expect_error(parse_sign_up(R"({"username":"a","password":"1234567"})", kLimits), Code::bad_request, "8 characters");
    expect_error(parse_sign_up(R"({"username":"a","password":")" + std::string(1'025, 'p') + "\"}", kLimits), Code::bad_request,
                 "1024 bytes");
    expect_error(parse_sign_up(R"({"username":"a","password":"12345678","display_name":3})", kLimits), Code::bad_request, "display_name");
    expect_error(parse_sign_up(R"({"username":"a","password":"12345678","display_name":")" + std::string(101, 'd') + "\"}", kLimits),
                 Code::bad_request, "display_name");
}

TEST(bodies, a_password_is_counted_in_characters) {
    EXPECT_TRUE(parse_sign_up(R"({"username":"a","password":"비밀번호비밀번호"})", kLimits));
    EXPECT_FALSE(parse_sign_up(R"({"username":"a","password":"비밀번호"})", kLimits));
}

TEST(bodies, log_in) {
    const auto body = parse_log_in(R"({"username":"a","password":"p","device":{"platform":"web","name":"Firefox"}})");
    ASSERT_TRUE(body);
    EXPECT_EQ(body->device_name, "Firefox");
    EXPECT_EQ(body->platform, "web");
    EXPECT_TRUE(parse_log_in(R"({"username":"a","password":"p"})"));
    expect_error(parse_log_in(R"({"username":"a","password":"p","device":"x"})"), Code::bad_request, "device");
    expect_error(parse_log_in(R"({"username":"a","password":"p","device":{"name":1}})"), Code::bad_request, "name");
    expect_error(parse_log_in(R"({"username":"a","credentials":{}})"), Code::bad_request, "password");
}

TEST(bodies, account_patch_keeps_settings_as_compact_json) {
    const auto patch = parse_account_patch(
        R"({ "settings" : { "a" : [ 1 , -2 , 3.50, null, true ], "b" : { "c" : "x\"y" }, "d" : [ ] , "e": {} } })", kLimits);
    ASSERT_TRUE(patch);
    EXPECT_FALSE(patch->display_name);
    EXPECT_EQ(patch->settings, R"({"a":[1,-2,3.50,null,true],"b":{"c":"x\"y"},"d":[],"e":{}})");
    EXPECT_EQ(parse_account_patch(R"({"settings":{}})", kLimits)->settings, "{}");
    EXPECT_EQ(parse_account_patch(R"({"display_name":""})", kLimits)->display_name, "");
}

TEST(bodies, account_patch_refuses_settings_that_are_large_or_no_object) {
    expect_error(parse_account_patch(R"({"settings":[1]})", kLimits), Code::bad_request, "settings");
    expect_error(parse_account_patch(R"({"settings":{"a":")" + std::string(16'384, 's') + "\"}}", kLimits), Code::too_large, "settings");
}

TEST(bodies, conversations) {
    EXPECT_EQ(std::get<DirectBody>(*parse_conversation(R"({"kind":"direct","user_id":"9"})", kLimits)).user, UserId{9});
    const auto body = parse_conversation(R"({"kind":"group","title":"모임","members":["1","2"],"client_id":"c"})", kLimits);
    ASSERT_TRUE(body);
    const auto& group = std::get<GroupBody>(*body);
    EXPECT_EQ(group.title, "모임");
    EXPECT_EQ(group.members, (std::vector{UserId{1}, UserId{2}}));
    EXPECT_EQ(group.client_id, "c");
    EXPECT_TRUE(std::get<GroupBody>(*parse_conversation(R"({"kind":"group","title":"t"})", kLimits)).members.empty());
    EXPECT_TRUE(std::get<GroupBody>(*parse_conversation(R"({"kind":"group","title":"t","members":[]})", kLimits)).members.empty());
}

TEST(bodies, conversations_name_what_is_wrong) {
    expect_error(parse_conversation("{}", kLimits), Code::bad_request, "kind");
    expect_error(parse_conversation(R"({"kind":"party"})", kLimits), Code::bad_request, "one of direct, group, room");
    expect_error(parse_conversation(R"({"kind":"room","title":"t"})", kLimits), Code::bad_request, "rooms");
    expect_error(parse_conversation(R"({"kind":"direct"})", kLimits), Code::bad_request, "user_id");
    expect_error(parse_conversation(R"({"kind":"direct","user_id":9})", kLimits), Code::bad_request, "user_id");
    expect_error(parse_conversation(R"({"kind":"group"})", kLimits), Code::bad_request, "title");
    expect_error(parse_conversation(R"({"kind":"group","title":"t","members":"1"})", kLimits), Code::bad_request, "members");
    expect_error(parse_conversation(R"({"kind":"group","title":"t","members":[1]})", kLimits), Code::bad_request, "members");
    expect_error(parse_conversation(R"({"kind":"group","title":"t","members":[["1"]]})", kLimits), Code::bad_request, "members");
    expect_error(parse_conversation(R"({"kind":"group","title":"t","client_id":""})", kLimits), Code::bad_request, "client_id");
    expect_error(parse_conversation(R"({"kind":"group","title":")" + std::string(101, 't') + "\"}", kLimits), Code::bad_request, "title");
}

TEST(bodies, conversation_patch) {
    const auto patch =
        parse_conversation_patch(R"({"title":"t","settings":{"history":"all","invite":"admins","mention_all":"members"}})", kLimits);
    ASSERT_TRUE(patch);
    EXPECT_EQ(patch->title, "t");
    EXPECT_EQ(patch->history, HistoryAccess::all);
    EXPECT_EQ(patch->invite, InviteRight::admins);
    EXPECT_EQ(patch->mention_all, MentionAllRight::members);
    EXPECT_FALSE(parse_conversation_patch("{}", kLimits)->title);
    expect_error(parse_conversation_patch(R"({"settings":{"history":"none"}})", kLimits), Code::bad_request, "history");
    expect_error(parse_conversation_patch(R"({"settings":1})", kLimits), Code::bad_request, "settings");
}

TEST(bodies, member) {
    EXPECT_FALSE(parse_member("")->role);
    EXPECT_FALSE(parse_member("{}")->role);
    EXPECT_EQ(parse_member(R"({"role":"admin"})")->role, Role::admin);
    expect_error(parse_member(R"({"role":"king"})"), Code::bad_request, "role");
    EXPECT_FALSE(parse_member("{}")->muted_until);
    EXPECT_EQ(parse_member(R"({"muted_until":"2026-01-31T09:05:00.007Z"})")->muted_until, Time{Millis{1'769'850'300'007}});
    EXPECT_EQ(parse_member(R"({"muted_until":null})")->muted_until, Time{});
    for (const auto* wrong : {R"({"muted_until":"tomorrow"})", R"({"muted_until":60})", R"({"muted_until":""})", R"({"muted_until":{}})"})
        expect_error(parse_member(wrong), Code::bad_request, "muted_until");
}

TEST(bodies, message) {
    const auto body = parse_message(R"({"client_id":"c","text":"안녕"})");
    ASSERT_TRUE(body);
    EXPECT_EQ(body->text, "안녕");
    expect_error(parse_message(R"({"text":"x"})"), Code::bad_request, "client_id");
    expect_error(parse_message(R"({"client_id":"c"})"), Code::bad_request, "text");
    expect_error(parse_message(std::string(100'000, '[')), Code::bad_request, "JSON object");
}

TEST(bodies, a_log_in_is_by_password_or_by_credentials) {
    const auto log_in = parse_log_in(R"({"credentials": {"jwt": "x"}, "device": {"name": "phone"}})");
    ASSERT_TRUE(log_in);
    EXPECT_EQ(log_in->credentials, R"({"jwt":"x"})");
    EXPECT_EQ(log_in->device_name, "phone");
    EXPECT_EQ(parse_log_in(R"({"credentials": "x"})").error().code, Code::bad_request);
    EXPECT_EQ(parse_log_in(R"({"credentials": {}, "username": "a", "password": "12345678"})").error().code, Code::bad_request);
    const auto large = R"({"credentials": {"a": ")" + std::string(kCredentialsBytesMax, 'x') + R"("}})";
    EXPECT_EQ(parse_log_in(large).error().code, Code::too_large);
}

}  // namespace
}  // namespace madang::wire
