#include "chat/inbox.hpp"
#include "chat/unread.hpp"
#include "engine_bench.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr ConversationId kHere{11};

// A row as its inbox's items make it.
class Folded {
  public:
    Folded& message(std::uint64_t seq, bool mentioned = false, bool own = false) {
        return take({.seq = Seq{seq}, .own = own, .mentioned = mentioned});
    }
    Folded& deleted(std::uint64_t seq, std::uint64_t target, bool named = false, bool own = false) {
        return take({.seq = Seq{seq}, .type = EntryType::message_deleted, .own = own, .was_mentioned = named, .target = Seq{target}});
    }
    Folded& edited(std::uint64_t seq, std::uint64_t target, bool named_before, bool named_now) {
        return take({.seq = Seq{seq},
                     .type = EntryType::message_edited,
                     .mentioned = named_now,
                     .was_mentioned = named_before,
                     .target = Seq{target}});
    }
    Folded& joined(std::uint64_t seq) { return take({.seq = Seq{seq}, .type = EntryType::member_joined, .own = true}); }
    Folded& left(std::uint64_t seq) { return take({.seq = Seq{seq}, .type = EntryType::member_left, .own = true}); }
    Folded& read(std::uint64_t seq, std::uint32_t unread, std::uint32_t mentions = 0) {
        Note note;
        note.unread = unread, note.unread_mentions = mentions;
        return take({.seq = Seq{seq}, .type = EntryType::read_updated, .own = true, .note = std::make_shared<const Note>(note)});
    }
    const UserConversation& row() const { return row_; }

  private:
    Folded& take(InboxItem item) {
        cursor_ = next(cursor_);
        fold(row_, item, cursor_);
        return *this;
    }
    UserConversation row_{.conversation_id = kHere};
    Cursor cursor_;
};

TEST(Unread, counts_messages_of_others_and_mentions_apart) {
    const auto row = Folded().message(1).message(2, true).message(3, true, true).row();
    EXPECT_EQ(row.unread, 2u);
    EXPECT_EQ(row.unread_mentions, 1u);
}

TEST(Unread, loses_what_is_deleted_behind_the_marker_and_nothing_else) {
    auto folded = Folded().message(1, true).message(2).message(3, true);
    folded.read(1, 2, 1).deleted(4, 1, true).deleted(5, 3, true).deleted(6, 9, false, true);
    EXPECT_EQ(folded.row().unread, 1u);
    EXPECT_EQ(folded.row().unread_mentions, 0u);
}

TEST(Unread, an_edit_changes_mentions_only) {
    auto folded = Folded().message(1).message(2, true).edited(3, 1, false, true).edited(4, 2, true, false).edited(5, 2, false, false);
    EXPECT_EQ(folded.row().unread, 2u);
    EXPECT_EQ(folded.row().unread_mentions, 1u);
}

TEST(Unread, begins_anew_with_each_stay) {
    auto folded = Folded().message(1).message(2).left(3);
    EXPECT_EQ(folded.row().unread, 0u);
    folded.joined(9).message(10);
    EXPECT_EQ(folded.row().unread, 1u);
    EXPECT_EQ(folded.row().joined_seq, Seq{9});
    EXPECT_EQ(folded.deleted(11, 2).row().unread, 1u);  // of the time before
    EXPECT_EQ(folded.deleted(12, 10).row().unread, 0u);
}

TEST(Unread, a_marker_counts_and_is_no_activity_and_no_entry) {
    auto folded = Folded().message(1).message(2).read(2, 0);
    EXPECT_EQ(folded.row().read_seq, Seq{2});
    EXPECT_EQ(folded.row().unread, 0u);
    EXPECT_EQ(folded.row().last_seq, Seq{2});
    EXPECT_EQ(folded.row().active_cursor, Cursor{2});
    EXPECT_EQ(folded.row().last_cursor, Cursor{3});
    EXPECT_EQ(folded.deleted(3, 1).row().active_cursor, Cursor{2});
}

// ---- the log --------------------------------------------------------------------------------------------------------------------------

class Log {
  public:
    static constexpr UserId kReader{1}, kWriter{2};

    Log() { epoch_ = *store_.claim_all(); }
    void message(std::uint64_t seq, bool names_reader, bool deleted = false, UserId sender = kWriter) {
        Entry entry;
        entry.message.sender = sender;
        entry.message.deleted = deleted;
        if (names_reader) entry.message.mentions.users = {kReader};
        put(seq, std::move(entry));
    }
    void revision(std::uint64_t seq, EntryType type, std::uint64_t target, bool named_before, bool names_now) {
        Revision revision{.target = Seq{target}, .sender = kWriter, .before = {}, .after = {}, .message = {}};
        if (named_before) revision.before.users = {kReader};
        if (names_now) revision.after.users = {kReader};
        Entry entry;
        entry.type = type;
        entry.revision = std::make_shared<const Revision>(std::move(revision));
        put(seq, std::move(entry));
    }
    Unread count(std::uint64_t from, std::uint64_t to, std::uint64_t as_of) const {
        return count_unread(store_, kReader, kHere, Seq{from}, Seq{to}, Seq{as_of}).value();
    }

  private:
    void put(std::uint64_t seq, Entry entry) {
        std::string bytes;
        encode(entry, bytes);
        Batch batch;
        batch.put(Table::message, message_key(kHere, Seq{seq}), bytes);
        batch.fence(slot_of(kHere), epoch_);
        ASSERT_EQ(store_.append(batch), Outcome::durable);
    }
    MemoryStore store_;
    Epoch epoch_ = 0;
};

TEST(Recount, counts_a_range_without_own_and_deleted_ones) {
    Log log;
    log.message(1, true);
    log.message(2, true, false, Log::kReader);
    log.message(3, false, true);
    log.message(4, false);
    EXPECT_EQ(log.count(1, 4, 4), (Unread{2, 1}));
    EXPECT_EQ(log.count(2, 4, 4), (Unread{1, 0}));
    EXPECT_EQ(log.count(5, 4, 4), Unread{});
}

// The inbox has not taken the revision yet and will count it then: a recount that had seen it would count it twice.
TEST(Recount, undoes_what_came_after_its_position) {
    Log log;
    log.message(1, false, true);
    log.message(2, true);
    log.revision(3, EntryType::message_edited, 1, true, false);
    log.revision(4, EntryType::message_edited, 2, false, true);
    log.revision(5, EntryType::message_deleted, 1, false, false);
    EXPECT_EQ(log.count(1, 2, 2), (Unread{2, 1}));
    EXPECT_EQ(log.count(1, 2, 3), (Unread{2, 0}));
    EXPECT_EQ(log.count(1, 2, 4), (Unread{2, 1}));
    EXPECT_EQ(log.count(1, 2, 5), (Unread{1, 1}));
}

// ---- the engine -----------------------------------------------------------------------------------------------------------------------

class Reading : public testing::Test {
  protected:
    void SetUp() override {
        alice = bench.sign_up("alice"), bob = bench.sign_up("bob");
        here = bench.group(alice, {bob.user});
        for (int i = 0; i < 6; ++i) bench.send(alice, here, std::to_string(i), "m" + std::to_string(i));  // seq 4 … 9
    }
    ReadState read(std::uint64_t seq) { return bench.get<ReadState>(MarkRead{bob, here, Seq{seq}}); }
    OwnView own(const Actor& actor) { return *bench.get<ConversationView>(GetConversation{actor, here}).own; }

    EngineBench bench;
    Actor alice, bob;
    ConversationId here;
};

TEST_F(Reading, own_messages_are_never_unread) {
    EXPECT_EQ(own(alice).unread, 0u);
    EXPECT_EQ(own(alice).read_seq, Seq{});
    EXPECT_EQ(own(bob).unread, 6u);
}

TEST_F(Reading, the_marker_only_rises_and_is_cut_to_the_end) {
    EXPECT_EQ(read(6).unread, 3u);
    EXPECT_EQ(read(5).seq, Seq{6});
    EXPECT_EQ(read(8).unread, 1u);
    const auto end = read(1'000);
    EXPECT_EQ(end.seq, Seq{9});
    EXPECT_EQ(end.unread, 0u);
    EXPECT_EQ(own(bob).read_seq, Seq{9});
    bench.send(alice, here, "more", "more");
    EXPECT_EQ(own(bob).unread, 1u);
}

TEST_F(Reading, a_change_is_one_item_for_every_device_and_no_change_is_none) {
    const auto session = bench.attach(bob);
    const auto tail = bench.sync(bob).back().cursor;
    read(9), read(9), read(3);
    ASSERT_EQ(bench.events(session).size(), 1u);
    const auto event = bench.events(session).front();
    EXPECT_EQ(event.cursor, next(tail));
    EXPECT_EQ(event.entry->type, EntryType::read_updated);
    EXPECT_EQ(event.entry->seq, Seq{9});
    EXPECT_EQ(event.entry->note->unread, 0u);
    EXPECT_EQ(*bench.sync(bob, tail).front().entry, *event.entry);  // from memory
    bench.restart();
    EXPECT_EQ(*bench.sync(bob, tail).front().entry, *event.entry);  // from the store
}

TEST_F(Reading, what_comes_while_a_partial_read_is_counted_is_neither_lost_nor_counted_twice) {
    const auto first = bench.post(MarkRead{bob, here, Seq{5}});
    const auto second = bench.post(MarkRead{bob, here, Seq{7}});
    const auto third = bench.post(MarkRead{bob, here, Seq{6}});
    bench.post(Send{.actor = alice, .conversation = here, .peer = {}, .client_id = "x", .text = "x"});
    bench.run();
    EXPECT_EQ(std::get<ReadState>(*bench.answer(first)).seq, Seq{5});
    EXPECT_EQ(std::get<ReadState>(*bench.answer(first)).unread, 5u);
    EXPECT_EQ(std::get<ReadState>(*bench.answer(second)).unread, 3u);
    EXPECT_EQ(std::get<ReadState>(*bench.answer(third)).seq, Seq{7});  // the further one was there first
    EXPECT_EQ(own(bob).unread, 3u);
    bench.restart();
    EXPECT_EQ(own(bob).unread, 3u);
}

TEST_F(Reading, strangers_and_those_who_left_read_nothing) {
    const auto eve = bench.sign_up("eve");
    EXPECT_EQ(bench.error(MarkRead{eve, here, Seq{1}}), Code::not_found);
    bench.get<Done>(RemoveMember{alice, here, bob.user});
    EXPECT_EQ(bench.error(MarkRead{bob, here, Seq{9}}), Code::not_a_member);
    EXPECT_EQ(bench.error(UpdateView{.actor = bob, .conversation = here, .pinned = true}), Code::not_a_member);
    EXPECT_EQ(bench.error(UpdateView{.actor = eve, .conversation = here, .pinned = true}), Code::not_found);
}

TEST_F(Reading, the_list_has_pinned_ones_first_and_reading_moves_nothing) {
    const auto there = bench.group(bob, {alice.user});
    const auto list = [&](std::uint32_t limit, std::optional<std::uint64_t> before = {}) {
        return bench.get<ConversationPage>(ListConversations{bob, limit, before});
    };
    EXPECT_EQ(list(9).conversations.front().conversation.id, there);
    EXPECT_EQ(list(9).unread_total, 6u);
    read(8);
    EXPECT_EQ(list(9).conversations.front().conversation.id, there);
    EXPECT_EQ(list(9).unread_total, 1u);
    bench.get<ConversationView>(UpdateView{.actor = bob, .conversation = here, .pinned = true});
    const auto page = list(1);
    EXPECT_EQ(page.conversations.front().conversation.id, here);
    ASSERT_TRUE(page.next);
    EXPECT_EQ(list(1, page.next).conversations.front().conversation.id, there);
    bench.get<ConversationView>(UpdateView{.actor = bob, .conversation = here, .archived = true});
    EXPECT_EQ(list(1).unread_total, 0u);
    bench.send(alice, here, "again", "again");  // an archived conversation stays archived
    EXPECT_TRUE(list(1).conversations.front().own->archived);
    EXPECT_EQ(list(1).unread_total, 0u);
    bench.restart();
    EXPECT_TRUE(list(1).conversations.front().own->pinned);
}

TEST_F(Reading, an_own_mute_ends_by_itself_and_is_nobody_elses) {
    const auto until = bench.clock().now() + Millis{5'000};
    bench.get<ConversationView>(UpdateView{.actor = bob, .conversation = here, .muted_until = until});
    EXPECT_EQ(own(bob).muted_until, until);
    EXPECT_EQ(own(alice).muted_until, Time{});
    bench.clock().advance(Millis{6'000});
    EXPECT_EQ(own(bob).muted_until, Time{});
    bench.get<ConversationView>(UpdateView{.actor = bob, .conversation = here, .muted_until = Time{}});
    EXPECT_EQ(bench.store().rows(Table::preference), 0u);
}

}  // namespace
}  // namespace madang
