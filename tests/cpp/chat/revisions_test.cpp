// Edits, deletions and mentions through a whole engine.
#include <gtest/gtest.h>

#include "chat/engine.hpp"
#include "engine_bench.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

struct Revisions : testing::Test {
    EngineBench bench;
    Actor a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    ConversationId id = bench.group(a, {b.user, c.user});  // four entries

    EntryPtr edit(const Actor& actor, Seq seq, const std::string& text) { return bench.get<Sent>(EditMessage{actor, id, seq, text}).entry; }
    EntryPtr remove(const Actor& actor, Seq seq) { return bench.get<Sent>(DeleteMessage{actor, id, seq}).entry; }
    Seq send(const Actor& actor, const std::string& text) { return bench.send(actor, id, "c" + text, text).entry->seq; }
    Entry stored(Seq seq) {
        const auto row = bench.store().get(Table::message, message_key(id, seq));
        return **decode_entry(id, seq, **row);
    }
    std::vector<EntryPtr> history(const Actor& actor) {
        return bench.get<HistoryPage>(History{.actor = actor, .conversation = id, .before = {}, .after = {}, .around = {}}).messages;
    }
    std::vector<Seq> mentions(const Actor& actor) {
        std::vector<Seq> seqs;
        for (const auto& each : bench.get<MentionPage>(ListMentions{actor, 100, {}}).messages) seqs.push_back(each->seq);
        return seqs;
    }
};

TEST_F(Revisions, an_edit_is_an_entry_and_rewrites_the_message_in_one_append) {
    const auto seq = send(b, "old");
    const auto before = bench.store().appends();
    const auto message = edit(b, seq, "new");
    EXPECT_EQ(bench.store().appends(), before + 1);
    EXPECT_EQ(message->seq, seq);
    EXPECT_EQ(message->message.text, "new");
    EXPECT_NE(message->message.edited_at, Time{});
    EXPECT_EQ(stored(seq).message.text, "new");
    EXPECT_EQ(stored(next(seq)).revision->target, seq);
    EXPECT_EQ(bench.sync(c).back().entry->type, EntryType::message_edited);
    EXPECT_EQ(bench.sync(c).back().entry->revision->message->message.text, "new");
}

TEST_F(Revisions, a_deletion_leaves_the_place_and_takes_the_text_out_of_the_store) {
    const auto seq = bench.send(b, id, "1", "a secret that must go").entry->seq;
    remove(b, seq);
    const auto row = stored(seq);
    EXPECT_TRUE(row.message.deleted);
    EXPECT_EQ(row.message.text, "");
    std::size_t found = 0;
    for (std::size_t table = 0; table < kTables; ++table)
        (void)bench.store().scan(static_cast<Table>(table), "", std::string(40, '\xff'), Order::ascending,
                                 [&](auto, std::string_view value) {
                                     found += value.find("a secret") != std::string_view::npos;
                                     return true;
                                 });
    EXPECT_EQ(found, 0u);
    ASSERT_EQ(history(c).size(), 1u);
    EXPECT_TRUE(history(c)[0]->message.deleted);
}

TEST_F(Revisions, the_same_text_again_and_a_second_deletion_change_nothing) {
    const auto seq = send(b, "old");
    edit(b, seq, "new");
    const auto before = bench.store().rows(Table::message);
    EXPECT_TRUE(bench.get<Sent>(EditMessage{b, id, seq, "new"}).repeated);
    remove(b, seq);
    EXPECT_TRUE(bench.get<Sent>(DeleteMessage{b, id, seq}).repeated);
    EXPECT_EQ(bench.store().rows(Table::message), before + 1);
}

TEST_F(Revisions, only_the_sender_edits_and_moderators_delete) {
    const auto seq = send(b, "of b");
    EXPECT_EQ(bench.error(EditMessage{a, id, seq, "x"}), Code::forbidden);
    EXPECT_EQ(bench.error(DeleteMessage{c, id, seq}), Code::forbidden);
    const auto stranger = bench.sign_up("stranger");
    EXPECT_EQ(bench.error(EditMessage{stranger, id, seq, "x"}), Code::not_found);
    EXPECT_TRUE(remove(a, seq)->message.deleted);
    EXPECT_EQ(bench.error(EditMessage{b, id, seq, "x"}), Code::not_found);
    bench.get<Done>(RemoveMember{b, id, b.user});
    EXPECT_EQ(bench.error(DeleteMessage{b, id, seq}), Code::not_a_member);
    EXPECT_EQ(stored(seq).message.text, "");
}

TEST_F(Revisions, what_is_no_message_is_not_found) {
    const auto seq = send(b, "old");
    edit(b, seq, "new");
    EXPECT_EQ(bench.error(EditMessage{b, id, Seq{1}, "x"}), Code::not_found);
    EXPECT_EQ(bench.error(EditMessage{b, id, next(seq), "x"}), Code::not_found);
    EXPECT_EQ(bench.error(DeleteMessage{a, id, Seq{99}}), Code::not_found);
    EXPECT_EQ(bench.error(EditMessage{b, id, seq, ""}), Code::bad_request);
}

TEST_F(Revisions, who_is_muted_may_not_edit_but_take_back) {
    const auto seq = send(b, "old");
    bench.get<MemberView>(PutMember{a, id, b.user, std::nullopt, bench.clock().now() + Millis{1'000}});
    EXPECT_EQ(bench.error(EditMessage{b, id, seq, "x"}), Code::muted);
    EXPECT_EQ(bench.error(DeleteMessage{b, id, seq}), std::nullopt);
}

TEST_F(Revisions, every_replay_shows_the_present_text) {
    const auto seq = send(b, "old");
    const auto socket = bench.attach(c);  // keeps the memory tail
    const auto other = send(b, "other");
    edit(b, seq, "newer");
    edit(b, other, "other, newer");
    edit(b, other, "other, newest");
    (void)socket;
    const auto expect_present = [&] {
        for (const auto& event : bench.sync(c, Cursor{4})) {
            const auto* shown = event.entry->shown_message();
            EXPECT_EQ(shown->message.text, shown->seq == seq ? "newer" : "other, newest") << event.cursor.value;
        }
    };
    expect_present();
    bench.restart();
    expect_present();
}

TEST_F(Revisions, a_resend_of_an_edited_message_is_answered_with_the_present_one) {
    const auto seq = send(b, "old");
    edit(b, seq, "new");
    const auto again = bench.send(b, id, "cold", "old");
    EXPECT_TRUE(again.repeated);
    EXPECT_EQ(again.entry->message.text, "new");
    EXPECT_EQ(bench.error(Send{.actor = b, .conversation = id, .peer = {}, .client_id = "cold", .text = "new"}), Code::client_id_reused);
    remove(b, seq);
    EXPECT_TRUE(bench.send(b, id, "cold", "old").entry->message.deleted);
}

TEST_F(Revisions, a_cold_message_is_read_and_what_its_sender_writes_meanwhile_comes_after) {
    const auto seq = send(b, "old");
    send(b, "between");
    bench.restart();
    const auto one = bench.post(EditMessage{b, id, seq, "new"});
    const auto two = bench.post(Send{.actor = b, .conversation = id, .peer = {}, .client_id = "after", .text = "after"});
    const auto three = bench.post(DeleteMessage{a, id, seq});
    const auto four = bench.post(EditMessage{b, id, seq, "newest"});
    bench.run();
    EXPECT_EQ(stored(Seq{7}).type, EntryType::message_edited);
    EXPECT_EQ(std::get<Sent>(*bench.answer(one)).entry->message.text, "new");
    EXPECT_GT(std::get<Sent>(*bench.answer(two)).entry->seq, Seq{7});
    // The two revisions of one message follow each other, whichever is the first.
    ASSERT_TRUE(bench.answer(three));
    EXPECT_TRUE(stored(seq).message.deleted);
    EXPECT_TRUE(!bench.answer(four) || std::get<Sent>(*bench.answer(four)).entry->message.text == "newest");
    EXPECT_TRUE(bench.engine().is_idle());
}

TEST_F(Revisions, of_a_message_from_before_somebody_joined_are_not_addressed_to_them) {
    const auto seq = send(b, "old");
    const auto d = bench.sign_up("d");
    bench.get<MemberView>(PutMember{a, id, d.user, std::nullopt, std::nullopt});
    const auto tail = bench.sync(d).size();
    edit(b, seq, "new");
    EXPECT_EQ(bench.sync(d).size(), tail);
    EXPECT_EQ(bench.sync(c).back().entry->type, EntryType::message_edited);
    EXPECT_EQ(bench.error(EditMessage{d, id, seq, "x"}), Code::not_found);
    // The next entry's predecessor is not the edit, neither from memory nor after a load.
    send(b, "next");
    EXPECT_EQ(bench.sync(d).size(), tail + 1);
    edit(b, seq, "newer");
    bench.restart();
    send(b, "last");
    EXPECT_EQ(bench.sync(d).size(), tail + 2);
    // With the whole history open it is addressed to all.
    bench.get<ConversationView>(UpdateConversation{a, id, std::nullopt, HistoryAccess::all, std::nullopt, std::nullopt});
    edit(b, seq, "newest");
    EXPECT_EQ(bench.sync(d).back().entry->revision->target, seq);
}

TEST(RevisionWindows, a_time_limit_binds_senders_and_not_moderators) {
    Limits limits;
    limits.edit_window = Millis{1'000};
    limits.delete_window = Millis{2'000};
    EngineBench bench(limits);
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.group(a, {b.user});
    const auto seq = bench.send(b, id, "1", "x").entry->seq;
    bench.clock().advance(Millis{1'000});
    EXPECT_EQ(bench.error(EditMessage{b, id, seq, "y"}), std::nullopt);
    bench.clock().advance(Millis{1});
    EXPECT_EQ(bench.error(EditMessage{b, id, seq, "z"}), Code::forbidden);
    EXPECT_EQ(bench.error(EditMessage{b, id, seq, "y"}), std::nullopt);  // nothing to do
    bench.clock().advance(Millis{1'000});
    EXPECT_EQ(bench.error(DeleteMessage{b, id, seq}), Code::forbidden);
    EXPECT_EQ(bench.error(DeleteMessage{a, id, seq}), std::nullopt);
}

TEST_F(Revisions, mentions_are_listed_newest_first_and_follow_edits) {
    const auto one = send(b, "hi @c");
    const auto two = send(b, "hello");
    const auto three = send(b, "@C, @a");
    send(c, "@c myself");
    EXPECT_EQ(mentions(c), (std::vector{three, one}));
    EXPECT_EQ(history(c)[0]->message.mentions.users, std::vector{c.user});
    edit(b, two, "hello @c");
    EXPECT_EQ(mentions(c), (std::vector{three, two, one}));
    edit(b, one, "hi");
    remove(b, three);
    EXPECT_EQ(mentions(c), std::vector{two});
    EXPECT_EQ(mentions(a), std::vector<Seq>{});
    EXPECT_EQ(bench.store().rows(Table::mention), 1u);
    bench.restart();
    EXPECT_EQ(mentions(c), std::vector{two});
    bench.get<Done>(RemoveMember{c, id, c.user});
    EXPECT_EQ(mentions(c), std::vector<Seq>{});
}

TEST_F(Revisions, who_missed_an_edit_has_the_mentions_of_the_next_one) {
    bench.get<ConversationView>(UpdateConversation{a, id, std::nullopt, HistoryAccess::all, std::nullopt, std::nullopt});
    const auto one = send(b, "hi @c"), two = send(b, "hello");
    bench.get<Done>(RemoveMember{a, id, c.user});
    edit(b, one, "hi");
    edit(b, two, "hello @c");  // who is no member is named nowhere
    bench.get<MemberView>(PutMember{a, id, c.user, std::nullopt, std::nullopt});
    EXPECT_EQ(mentions(c), std::vector<Seq>{});
    remove(b, one);
    edit(b, two, "hello, @c");
    EXPECT_EQ(mentions(c), std::vector{two});
    EXPECT_EQ(bench.store().rows(Table::mention), 1u);

    bench.get<Done>(RemoveMember{a, id, c.user});
    const auto three = send(a, "to nobody");
    edit(a, three, "to @all");
    bench.get<MemberView>(PutMember{a, id, c.user, std::nullopt, std::nullopt});
    edit(a, three, "to @all of you");
    EXPECT_EQ(mentions(c), (std::vector{three, two}));
}

TEST_F(Revisions, mentions_come_in_pages) {
    std::vector<Seq> sent;
    for (int i = 0; i < 5; ++i) sent.insert(sent.begin(), send(b, "@c " + std::to_string(i)));
    std::vector<Seq> got;
    std::optional<MessageId> before;
    do {
        const auto page = bench.get<MentionPage>(ListMentions{c, 2, before});
        for (const auto& each : page.messages) got.push_back(each->seq);
        before = page.next;
    } while (before);
    EXPECT_EQ(got, sent);
}

TEST_F(Revisions, all_names_everybody_by_one_who_may) {
    EXPECT_TRUE(mentions(c).empty());
    send(b, "@all as a member");
    const auto seq = send(a, "@all as the owner");
    EXPECT_EQ(mentions(c), std::vector{seq});
    EXPECT_EQ(mentions(a), std::vector<Seq>{});
    bench.get<ConversationView>(UpdateConversation{a, id, std::nullopt, std::nullopt, std::nullopt, MentionAllRight::members});
    const auto other = send(b, "@all again");
    EXPECT_EQ(mentions(c), (std::vector{other, seq}));
}

}  // namespace
}  // namespace madang
