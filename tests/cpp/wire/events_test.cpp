#include "wire/events.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/answers.hpp"

namespace madang::wire {
namespace {

using Json = nlohmann::json;

const UserId kOwner{11};
const UserId kJoiner{12};

Entry change_entry(EntryType type, Seq seq, UserId about, Seq joined, ConversationKind kind = ConversationKind::group) {
    auto change = std::make_shared<Change>();
    change->conversation = {ConversationId{77}, kind, kind == ConversationKind::direct ? "" : "title", kOwner, Time{}, {}, 2};
    change->member = {{about, "u" + to_string(about), "", Time{}}, Role::member, {}, {{joined, Seq{}}}};
    if (kind == ConversationKind::direct) change->pair = {{kOwner, "owner", "", Time{}}, {kJoiner, "joiner", "", Time{}}};
    Entry entry;
    entry.conversation_id = ConversationId{77};
    entry.seq = seq;
    entry.type = type;
    entry.actor = kOwner;
    entry.change = std::move(change);
    return entry;
}

Entry message_entry(EntryType type = EntryType::message_created) {
    Entry entry;
    entry.conversation_id = ConversationId{77};
    entry.seq = Seq{5};
    entry.type = type;
    entry.message.id = MessageId{900};
    entry.message.sender = kOwner;
    entry.message.text = R"(looks like "message":{} or ,"message":1)";
    if (!entry.is_revision()) return entry;
    auto target = entry;
    target.type = EntryType::message_created;
    target.seq = Seq{3};
    entry.message = {};
    entry.revision =
        std::make_shared<const Revision>(Revision{target.seq, kOwner, {}, {}, std::make_shared<const Entry>(std::move(target))});
    return entry;
}

Json event_json(const Entry& entry, UserId viewer, Role role = Role::member) {
    std::string out;
    append_event(out, Event{Cursor{8}, role, std::make_shared<Entry>(entry)}, viewer);
    return Json::parse(out);
}

TEST(events, a_message_event_bears_cursor_type_position_and_message) {
    const auto event = event_json(message_entry(), kJoiner);
    EXPECT_EQ(event.size(), 5u);
    EXPECT_EQ(event["cursor"], 8);
    EXPECT_EQ(event["type"], "message.created");
    EXPECT_EQ(event["seq"], 5);
    EXPECT_EQ(event["conversation_id"], "77");
    EXPECT_EQ(event["message"]["message_id"], "900");
}

TEST(events, a_revision_bears_its_own_position_and_the_message_it_changes) {
    for (const auto& [type, word] :
         {std::pair(EntryType::message_edited, "message.edited"), {EntryType::message_deleted, "message.deleted"}}) {
        const auto event = event_json(message_entry(type), kJoiner);
        EXPECT_EQ(event["type"], word);
        EXPECT_EQ(event["seq"], 5);
        EXPECT_EQ(event["message"]["seq"], 3);
        EXPECT_EQ(event["message"]["message_id"], "900");
    }
}

TEST(events, what_concerns_one_user_alone) {
    Entry entry;
    entry.conversation_id = ConversationId{77};
    entry.seq = Seq{12};
    entry.type = EntryType::read_updated;
    entry.note = std::make_shared<const Note>(Note{.unread = 4, .unread_mentions = 1, .user = {}, .state = {}});
    EXPECT_EQ(event_json(entry, kJoiner),
              Json::parse(R"({"cursor":8,"type":"read.updated","conversation_id":"77","seq":12,"unread":4,"unread_mentions":1})"));

    Entry friendly;
    friendly.type = EntryType::friend_updated;
    friendly.note = std::make_shared<const Note>(Note{.user = {UserId{5}, "eve", "", Time{}}, .state = FriendState::asked});
    const auto event = event_json(friendly, kJoiner);
    EXPECT_EQ(event["type"], "friend.updated");
    EXPECT_EQ(event["user"]["username"], "eve");
    EXPECT_EQ(event["state"], "asked");
    EXPECT_FALSE(event.contains("conversation_id"));
}

TEST(events, the_message_is_found_in_the_shared_body) {
    const auto entry = message_entry();
    const auto body = encode_event_body(entry, {kJoiner, Role::member});
    EXPECT_TRUE(has_shared_body(entry));
    EXPECT_EQ(Json::parse(message_in(body))["text"], entry.message.text);
    EXPECT_EQ(body, encode_event_body(entry, {kOwner, Role::owner}));
}

TEST(events, a_created_conversation_is_shown_as_of_its_entry_with_the_viewers_role) {
    const auto event = event_json(change_entry(EntryType::conversation_created, Seq{1}, kOwner, Seq{1}), kOwner, Role::owner);
    EXPECT_EQ(event["type"], "conversation.created");
    EXPECT_EQ(event["conversation"]["id"], "77");
    EXPECT_EQ(event["conversation"]["head_seq"], 1);
    EXPECT_EQ(event["conversation"]["my_role"], "owner");
    EXPECT_EQ(event["conversation"]["title"], "title");
    EXPECT_EQ(event["conversation"]["members_count"], 2);
    EXPECT_FALSE(event.contains("member"));
}

TEST(events, each_of_a_pair_sees_the_other_as_peer) {
    const auto entry = change_entry(EntryType::conversation_created, Seq{1}, kOwner, Seq{1}, ConversationKind::direct);
    EXPECT_FALSE(has_shared_body(entry));
    EXPECT_EQ(event_json(entry, kOwner)["conversation"]["peer"]["username"], "joiner");
    EXPECT_EQ(event_json(entry, kJoiner)["conversation"]["peer"]["username"], "owner");
}

TEST(events, an_updated_conversation) {
    const auto event = event_json(change_entry(EntryType::conversation_updated, Seq{9}, kOwner, Seq{1}), kJoiner);
    EXPECT_EQ(event["type"], "conversation.updated");
    EXPECT_EQ(event["conversation"]["head_seq"], 9);
}

TEST(events, others_see_who_joined) {
    const auto event = event_json(change_entry(EntryType::member_joined, Seq{6}, kJoiner, Seq{6}), kOwner);
    EXPECT_EQ(event["type"], "member.joined");
    EXPECT_EQ(event["conversation_id"], "77");
    EXPECT_EQ(event["member"]["user"]["id"], "12");
    EXPECT_EQ(event["member"]["role"], "member");
    EXPECT_EQ(event["member"]["joined_seq"], 6);
    EXPECT_FALSE(event.contains("conversation"));
}

TEST(events, who_joins_later_also_sees_the_conversation) {
    const auto event = event_json(change_entry(EntryType::member_joined, Seq{6}, kJoiner, Seq{6}), kJoiner);
    EXPECT_EQ(event["member"]["joined_seq"], 6);
    EXPECT_EQ(event["conversation"]["title"], "title");
    EXPECT_EQ(event["conversation"]["head_seq"], 6);
}

TEST(events, a_first_member_has_the_conversation_from_its_creation) {
    EXPECT_FALSE(event_json(change_entry(EntryType::member_joined, Seq{3}, kJoiner, Seq{1}), kJoiner).contains("conversation"));
}

TEST(events, a_leaver_sees_the_conversation_as_left_and_others_the_member) {
    const auto entry = change_entry(EntryType::member_left, Seq{9}, kJoiner, Seq{6});
    const auto own = event_json(entry, kJoiner);
    EXPECT_EQ(own["type"], "conversation.left");
    EXPECT_EQ(own["conversation"]["id"], "77");
    EXPECT_FALSE(own.contains("member"));
    const auto others = event_json(entry, kOwner);
    EXPECT_EQ(others["type"], "member.left");
    EXPECT_EQ(others["member"]["user"]["id"], "12");
    EXPECT_FALSE(others.contains("conversation"));
}

TEST(events, an_updated_member) {
    const auto event = event_json(change_entry(EntryType::member_updated, Seq{9}, kJoiner, Seq{6}), kJoiner);
    EXPECT_EQ(event["type"], "member.updated");
    EXPECT_TRUE(event.contains("member"));
    EXPECT_FALSE(event.contains("conversation"));
}

TEST(events, a_frame_is_made_of_begin_events_and_end) {
    const auto body = encode_event_body(message_entry(), {kOwner, Role::owner});
    std::string frame{kEventsBegin};
    append_event(frame, Cursor{1}, body);
    frame += ',';
    append_event(frame, Cursor{2}, body);
    frame += kEventsEnd;
    const auto json = Json::parse(frame);
    EXPECT_EQ(json["op"], "events");
    EXPECT_EQ(json["events"].size(), 2u);
    EXPECT_EQ(json["events"][1]["cursor"], 2);
}

TEST(events, sync_page) {
    std::string out;
    append_sync_page(out, {}, Cursor{4}, false, kOwner);
    EXPECT_EQ(out, R"({"events":[],"cursor":4,"more":false})");
    const std::vector<Event> page{{Cursor{5}, Role::member, std::make_shared<Entry>(message_entry())},
                                  {Cursor{6}, Role::member, std::make_shared<Entry>(message_entry())}};
    out.clear();
    append_sync_page(out, page, Cursor{6}, true, kOwner);
    const auto json = Json::parse(out);
    EXPECT_EQ(json["events"][0]["cursor"], 5);
    EXPECT_EQ(json["events"][1]["cursor"], 6);
    EXPECT_EQ(json["cursor"], 6);
    EXPECT_EQ(json["more"], true);
}

}  // namespace
}  // namespace madang::wire
