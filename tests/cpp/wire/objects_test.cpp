#include "wire/objects.hpp"

#include <gtest/gtest.h>

namespace madang::wire {
namespace {

const Time kWhen{Millis{1'769'850'300'007}};

Profile minsu() { return {UserId{11}, "minsu", "민수", kWhen}; }

Entry message_entry() {
    Entry entry;
    entry.conversation_id = ConversationId{77};
    entry.seq = Seq{5};
    entry.created_at = kWhen;
    entry.actor = UserId{11};
    entry.message = {.id = MessageId{900},
                     .sender = UserId{11},
                     .client_id = "c-1",
                     .text = "hi \"you\"",
                     .mentions = {},
                     .edited_at = {},
                     .deleted = false};
    return entry;
}

template <typename Append>
std::string json_of(Append append) {
    std::string out;
    append(out);
    return out;
}

TEST(objects, user) {
    EXPECT_EQ(json_of([](auto& out) { append_user(out, minsu()); }),
              R"({"id":"11","username":"minsu","display_name":"민수","created_at":"2026-01-31T09:05:00.007Z"})");
}

TEST(objects, account_bears_settings_and_no_hash) {
    Account account;
    account.profile = minsu();
    account.settings = R"({"theme":"dark"})";
    account.password_hash = "$argon2id$";
    EXPECT_EQ(
        json_of([&](auto& out) { append_account(out, account); }),
        R"({"id":"11","username":"minsu","display_name":"민수","created_at":"2026-01-31T09:05:00.007Z","settings":{"theme":"dark"}})");
}

TEST(objects, device) {
    Device device;
    device.id = DeviceId{3};
    device.name = "Firefox";
    device.platform = "web";
    device.created_at = device.last_seen_at = kWhen;
    EXPECT_EQ(
        json_of([&](auto& out) { append_device(out, device, true); }),
        R"({"device_id":"3","name":"Firefox","platform":"web","created_at":"2026-01-31T09:05:00.007Z","last_seen_at":"2026-01-31T09:05:00.007Z","current":true})");
}

TEST(objects, server_load_has_two_decimals) {
    EXPECT_EQ(json_of([](auto& out) { append_server(out, {"http://h:1", "", 0}); }), R"({"url":"http://h:1","region":"","load":0.00})");
    EXPECT_EQ(json_of([](auto& out) { append_server(out, {"u", "kr", 0.057}); }), R"({"url":"u","region":"kr","load":0.06})");
    EXPECT_EQ(json_of([](auto& out) { append_server(out, {"u", "kr", 7}); }), R"({"url":"u","region":"kr","load":1.00})");
}

TEST(objects, session) {
    Account account;
    account.profile = minsu();
    const ServerObject servers[] = {{"http://a", "kr", 0.25}, {"http://b", "us", 0.5}};
    EXPECT_EQ(
        json_of([&](auto& out) { append_session(out, {"tok", kWhen, account, DeviceId{3}, Cursor{0}, servers}); }),
        R"({"token":"tok","expires_at":"2026-01-31T09:05:00.007Z","user":{"id":"11","username":"minsu","display_name":"민수","created_at":)"
        R"("2026-01-31T09:05:00.007Z","settings":{}},"device_id":"3","cursor":0,"servers":[{"url":"http://a","region":"kr","load":0.25},)"
        R"({"url":"http://b","region":"us","load":0.50}]})");
}

TEST(objects, message) {
    EXPECT_EQ(
        json_of([](auto& out) { append_message(out, message_entry()); }),
        R"({"conversation_id":"77","seq":5,"message_id":"900","sender_id":"11","client_id":"c-1","created_at":"2026-01-31T09:05:00.007Z",)"
        R"("text":"hi \"you\"","mentions":[]})");
}

TEST(objects, a_deleted_message_has_no_text_and_no_mentions) {
    auto entry = message_entry();
    entry.message.deleted = true;
    EXPECT_EQ(
        json_of([&](auto& out) { append_message(out, entry); }),
        R"({"conversation_id":"77","seq":5,"message_id":"900","sender_id":"11","client_id":"c-1","created_at":"2026-01-31T09:05:00.007Z",)"
        R"("deleted":true})");
}

TEST(objects, mentions_and_the_time_of_the_last_edit) {
    auto entry = message_entry();
    entry.message.mentions = {{UserId{1}, UserId{2}}, true};
    entry.message.edited_at = kWhen;
    const auto json = json_of([&](auto& out) { append_message(out, entry); });
    EXPECT_NE(json.find(R"("mentions":["1","2","all"],"edited_at":"2026-01-31T09:05:00.007Z"})"), std::string::npos) << json;
}

TEST(objects, a_group_as_its_owner_sees_it) {
    const Conversation group{ConversationId{77}, ConversationKind::group, "모임", UserId{11}, kWhen, {.history = HistoryAccess::all}, 3};
    const auto entry = message_entry();
    const auto json = json_of([&](auto& out) { append_conversation(out, {group, Seq{5}, Role::owner, &entry, nullptr}); });
    EXPECT_EQ(
        json,
        R"({"id":"77","kind":"group","title":"모임","members_count":3,"created_at":"2026-01-31T09:05:00.007Z","head_seq":5,"last_message":)" +
            json_of([&](auto& out) { append_message(out, entry); }) +
            R"(,"my_role":"owner","settings":{"history":"all","invite":"members","mention_all":"admins"}})");
}

TEST(objects, a_direct_conversation_bears_the_peer_and_no_title) {
    const Conversation direct{ConversationId{77}, ConversationKind::direct, "", UserId{11}, kWhen, {}, 2};
    const auto peer = minsu();
    EXPECT_EQ(
        json_of([&](auto& out) { append_conversation(out, {direct, Seq{3}, Role::member, nullptr, &peer}); }),
        R"({"id":"77","kind":"direct","members_count":2,"created_at":"2026-01-31T09:05:00.007Z","head_seq":3,"my_role":"member","peer":)" +
            json_of([&](auto& out) { append_user(out, peer); }) + "}");
}

TEST(objects, a_conversation_bears_what_is_its_viewers_own_and_no_more_than_is_set) {
    const Conversation direct{ConversationId{77}, ConversationKind::direct, "", UserId{11}, kWhen, {}, 2};
    const auto with = [&](const OwnView& own) {
        return json_of([&](auto& out) { append_conversation(out, {.conversation = direct, .head_seq = Seq{9}, .own = &own}); });
    };
    EXPECT_NE(with({Seq{3}, 4, 1}).find(R"("head_seq":9,"read_seq":3,"unread":4,"unread_mentions":1,"my_role")"), std::string::npos);
    EXPECT_NE(with({Seq{3}, 4, 1, true, true, kWhen})
                  .find(R"("unread_mentions":1,"pinned":true,"archived":true,"muted_until":"2026-01-31T09:05:00.007Z","my_role")"),
              std::string::npos);
}

TEST(objects, member_joined_with_the_present_stay) {
    const Member member{minsu(), Role::admin, {}, {{Seq{1}, Seq{4}}, {Seq{9}, Seq{}}}};
    EXPECT_EQ(json_of([&](auto& out) { append_member(out, member, kWhen); }),
              R"({"user":)" + json_of([](auto& out) { append_user(out, minsu()); }) + R"(,"role":"admin","joined_seq":9})");
}

TEST(objects, a_member_bears_a_receipt_where_it_is_told) {
    const Member member{minsu(), Role::admin, {}, {{Seq{1}, Seq{}}}};
    const Receipt receipt{.delivered = Seq{7}, .read = Seq{4}};
    EXPECT_EQ(json_of([&](auto& out) { append_member(out, member, kWhen, &receipt); }),
              R"({"user":)" + json_of([](auto& out) { append_user(out, minsu()); }) +
                  R"(,"role":"admin","joined_seq":1,"read_seq":4,"delivered_seq":7})");
}

TEST(objects, a_mute_is_shown_while_it_lasts) {
    const Member member{minsu(), Role::member, kWhen, {{Seq{1}, Seq{}}}};
    const auto user = json_of([](auto& out) { append_user(out, minsu()); });
    EXPECT_EQ(json_of([&](auto& out) { append_member(out, member, kWhen - Millis{1}); }),
              R"({"user":)" + user + R"(,"role":"member","joined_seq":1,"muted_until":"2026-01-31T09:05:00.007Z"})");
    EXPECT_EQ(json_of([&](auto& out) { append_member(out, member, kWhen); }), R"({"user":)" + user + R"(,"role":"member","joined_seq":1})");
}

TEST(objects, lists_have_next_only_when_there_is_more) {
    const std::vector<int> numbers{1, 2};
    const auto append_one = [](std::string& out, int number) { out += std::to_string(number); };
    EXPECT_EQ(json_of([&](auto& out) { append_list(out, "numbers", numbers, "n9", append_one); }), R"({"numbers":[1,2],"next":"n9"})");
    EXPECT_EQ(json_of([&](auto& out) { append_list(out, "numbers", std::vector<int>{}, "", append_one); }), R"({"numbers":[]})");
}

}  // namespace
}  // namespace madang::wire
