#include "chat/inbox.hpp"

#include <gtest/gtest.h>

namespace madang {
namespace {

constexpr ConversationId kHere{11}, kThere{22};

EntryPtr message(ConversationId conversation, Seq seq, std::string text = "hi") {
    auto entry = std::make_shared<Entry>();
    entry->conversation_id = conversation;
    entry->seq = seq;
    entry->message.text = std::move(text);
    return entry;
}

InboxItem item(const EntryPtr& entry) { return {.conversation_id = entry->conversation_id, .seq = entry->seq}; }

Inbox::Verdict offer(Inbox& inbox, const EntryPtr& entry, Seq prev, const Limits& limits = {}) {
    return inbox.offer(entry, prev, item(entry), limits);
}

TEST(Inbox, numbers_items_from_one_without_holes) {
    Inbox inbox;
    EXPECT_EQ(offer(inbox, message(kHere, Seq{1}), Seq{}), Inbox::Verdict::taken);
    EXPECT_EQ(offer(inbox, message(kThere, Seq{7}), Seq{}), Inbox::Verdict::taken);
    EXPECT_EQ(offer(inbox, message(kHere, Seq{2}), Seq{1}), Inbox::Verdict::taken);
    EXPECT_EQ(inbox.tail(), Cursor{3});
    EXPECT_EQ(inbox.last(kHere), Seq{2});
    EXPECT_EQ(inbox.last(kThere), Seq{7});
}

TEST(Inbox, takes_an_entry_once) {
    Inbox inbox;
    const auto entry = message(kHere, Seq{1});
    EXPECT_EQ(offer(inbox, entry, Seq{}), Inbox::Verdict::taken);
    EXPECT_EQ(offer(inbox, entry, Seq{}), Inbox::Verdict::duplicate);
    EXPECT_EQ(inbox.tail(), Cursor{1});
}

TEST(Inbox, refuses_an_entry_whose_predecessor_is_missing) {
    Inbox inbox;
    EXPECT_EQ(offer(inbox, message(kHere, Seq{1}), Seq{}), Inbox::Verdict::taken);
    EXPECT_EQ(offer(inbox, message(kHere, Seq{3}), Seq{2}), Inbox::Verdict::hole);
    EXPECT_EQ(inbox.tail(), Cursor{1});
    EXPECT_EQ(offer(inbox, message(kHere, Seq{2}), Seq{1}), Inbox::Verdict::taken);
    EXPECT_EQ(offer(inbox, message(kHere, Seq{3}), Seq{2}), Inbox::Verdict::taken);
}

TEST(Inbox, takes_a_later_entry_of_one_who_comes_back) {
    Inbox inbox;
    EXPECT_EQ(offer(inbox, message(kHere, Seq{4}), Seq{}), Inbox::Verdict::taken);    // joined at 4, left at 4
    EXPECT_EQ(offer(inbox, message(kHere, Seq{90}), Seq{4}), Inbox::Verdict::taken);  // came back at 90
}

TEST(Inbox, serves_what_the_memory_tail_reaches_and_nothing_else) {
    Inbox inbox;
    EXPECT_EQ(offer(inbox, message(kHere, Seq{1}), Seq{}), Inbox::Verdict::taken);
    inbox.keep_tail(true);
    for (std::uint64_t seq = 2; seq <= 5; ++seq) EXPECT_EQ(offer(inbox, message(kHere, Seq{seq}), Seq{seq - 1}), Inbox::Verdict::taken);
    EXPECT_FALSE(inbox.tail_after(Cursor{0}, 100, 1 << 20));
    const auto events = inbox.tail_after(Cursor{1}, 3, 1 << 20);
    ASSERT_TRUE(events);
    ASSERT_EQ(events->size(), 3u);
    EXPECT_EQ(events->front().cursor, Cursor{2});
    EXPECT_EQ(events->back().entry->seq, Seq{4});
    EXPECT_TRUE(inbox.tail_after(Cursor{5}, 3, 1 << 20)->empty());
}

TEST(Inbox, page_of_the_memory_tail_ends_at_its_bytes_but_holds_one) {
    Inbox inbox;
    inbox.keep_tail(true);
    for (std::uint64_t seq = 1; seq <= 3; ++seq)
        EXPECT_EQ(offer(inbox, message(kHere, Seq{seq}, std::string(1000, 'x')), Seq{seq - 1}), Inbox::Verdict::taken);
    EXPECT_EQ(inbox.tail_after(Cursor{0}, 100, 10)->size(), 1u);
    EXPECT_EQ(inbox.tail_after(Cursor{0}, 100, 2000)->size(), 2u);
}

TEST(Inbox, memory_tail_stays_within_its_limits) {
    Limits limits;
    limits.inbox_tail_items = 8;
    Inbox inbox;
    inbox.keep_tail(true);
    for (std::uint64_t seq = 1; seq <= 100; ++seq) {
        EXPECT_EQ(offer(inbox, message(kHere, Seq{seq}), Seq{seq - 1}, limits), Inbox::Verdict::taken);
        EXPECT_FALSE(inbox.tail_after(Cursor{seq - std::min<std::uint64_t>(seq, 9)}, 100, 1 << 20) && seq >= 9);
        EXPECT_TRUE(inbox.tail_after(Cursor{seq - 1}, 100, 1 << 20));
    }
    inbox.keep_tail(false);
    EXPECT_FALSE(inbox.tail_after(Cursor{99}, 100, 1 << 20));
    EXPECT_TRUE(inbox.tail_after(Cursor{100}, 100, 1 << 20));
}

TEST(Inbox, wants_a_checkpoint_after_its_items) {
    Inbox inbox;
    for (std::uint64_t seq = 1; seq < Inbox::kCheckpointItems; ++seq)
        EXPECT_EQ(offer(inbox, message(kHere, Seq{seq}), Seq{seq - 1}), Inbox::Verdict::taken);
    EXPECT_FALSE(inbox.wants_checkpoint());
    EXPECT_EQ(offer(inbox, message(kHere, Seq{Inbox::kCheckpointItems}), Seq{Inbox::kCheckpointItems - 1}), Inbox::Verdict::taken);
    EXPECT_TRUE(inbox.wants_checkpoint());
    inbox.checkpointed();
    EXPECT_FALSE(inbox.wants_checkpoint());
}

TEST(Fold, one_who_left_sees_the_conversation_in_the_list_no_more_until_he_is_back) {
    UserConversation row{.conversation_id = kHere};
    fold(row, {.conversation_id = kHere, .seq = Seq{1}, .type = EntryType::member_joined, .own = true}, Cursor{1});
    EXPECT_TRUE(row.listed);
    fold(row, {.conversation_id = kHere, .seq = Seq{2}, .type = EntryType::member_left, .own = true}, Cursor{2});
    EXPECT_TRUE(row.left);
    EXPECT_FALSE(row.listed);
    fold(row, {.conversation_id = kHere, .seq = Seq{9}, .role = Role::admin, .type = EntryType::member_joined, .own = true}, Cursor{3});
    EXPECT_FALSE(row.left);
    EXPECT_TRUE(row.listed);
    EXPECT_EQ(row.role, Role::admin);
    EXPECT_EQ(row.last_seq, Seq{9});
    EXPECT_EQ(row.last_cursor, Cursor{3});
}

}  // namespace
}  // namespace madang
