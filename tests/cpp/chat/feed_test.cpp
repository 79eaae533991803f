#include "chat/feed.hpp"

#include <gtest/gtest.h>

#include "store/keys.hpp"
#include "store/memory_store.hpp"
#include "store/records.hpp"

namespace madang {
namespace {

constexpr Millis kTimeout{5'000};
const UserId kAlice{1};
const ConversationId kYard{64}, kStreet{65};

// A store with a log, and a plugin that answers when it is told to.
class FeedTest : public ::testing::Test {
  protected:
    FeedTest() {
        Account account;
        account.profile = {.id = kAlice, .username = "alice", .display_name = {}, .created_at = {}};
        put(Table::account, account_key(kAlice), account);
        begin_run(1);
    }

    template <typename Record>
    void put(Table table, std::string_view key, const Record& record) {
        std::string bytes;
        encode(record, bytes);
        Batch batch;
        batch.put(table, key, bytes);
        EXPECT_EQ(store_.append(batch), Outcome::durable);
    }

    void begin_run(unsigned engines) {
        run_ = store_.claim_all().value();
        streams_.clear();
        for (std::uint16_t i = 0; i < engines; ++i) streams_.emplace_back(run_, i);
    }
    // A turn of an engine that stores so many messages.
    void turn(std::size_t engine, ConversationId conversation, std::size_t messages, const std::string& text = "hi") {
        Batch batch;
        for (std::size_t i = 0; i < messages; ++i) {
            Entry entry{.conversation_id = conversation, .seq = next(heads_[conversation]), .actor = kAlice};
            entry.created_at = clock_.now();
            entry.message = {.id = MessageId{entry.seq.value}, .sender = kAlice, .client_id = "c", .text = text};
            heads_[conversation] = entry.seq;
            std::string bytes;
            encode(entry, bytes);
            batch.put(Table::message, message_key(conversation, entry.seq), bytes);
            streams_[engine].add(conversation, entry.seq);
        }
        const auto count = streams_[engine].end_turn(batch);
        EXPECT_EQ(count, messages);
        EXPECT_EQ(store_.append(batch), Outcome::durable);
        if (feed_) feed_->on_committed(count);
    }

    Feed& feed() {
        if (!feed_) {
            feed_.emplace(Feed::Options{"ear", run_, kTimeout}, store_, clock_, [this](FeedBatch batch) {
                if (!has_room_) return false;
                batches_.push_back(std::move(batch));
                return true;
            });
            EXPECT_TRUE(feed_->start());
        }
        return *feed_;
    }
    // What the plugin gets now, as (conversation, seq): at most one batch.
    std::vector<EntryPlace> given() {
        const auto before = batches_.size();
        feed().work();
        std::vector<EntryPlace> places;
        for (auto i = before; i < batches_.size(); ++i)
            for (const auto& each : batches_[i].entries) places.push_back({each.entry->conversation_id, each.entry->seq});
        return places;
    }
    void answer(const std::string& problem = {}) { feed().on_answer(batches_.back().number, problem); }
    std::vector<EntryPlace> all() {
        std::vector<EntryPlace> places;
        for (auto more = given(); !more.empty(); more = given()) {
            places.insert(places.end(), more.begin(), more.end());
            answer();
        }
        return places;
    }
    void restart() {
        feed_.reset();
        run_ = store_.claim_all().value();
    }

    MemoryStore store_;
    ManualClock clock_{Time{Millis{1'700'000'000'000}}};
    std::uint64_t run_ = 0;
    std::vector<CommitIndex> streams_;
    std::map<ConversationId, Seq> heads_;
    bool has_room_ = true;
    std::vector<FeedBatch> batches_;
    std::optional<Feed> feed_;
};

TEST_F(FeedTest, everything_comes_once_in_order_with_rising_positions) {
    turn(0, kYard, 2);
    turn(0, kYard, 1);
    EXPECT_EQ(given(), (std::vector<EntryPlace>{{kYard, Seq{1}}, {kYard, Seq{2}}, {kYard, Seq{3}}}));
    EXPECT_EQ(batches_[0].entries[2].position, 3u);
    EXPECT_EQ(batches_[0].entries[2].actor.username, "alice");
    answer();
    EXPECT_TRUE(given().empty());
    turn(0, kStreet, 1);
    EXPECT_EQ(given(), (std::vector<EntryPlace>{{kStreet, Seq{1}}}));
    EXPECT_EQ(batches_[1].entries[0].position, 4u);
}

TEST_F(FeedTest, one_batch_is_out_at_a_time) {
    turn(0, kYard, 1);
    EXPECT_EQ(given().size(), 1u);
    turn(0, kYard, 1);
    EXPECT_TRUE(given().empty());
    answer();
    EXPECT_EQ(given().size(), 1u);
}

TEST_F(FeedTest, a_batch_ends_in_the_middle_of_a_turn_at_its_limit_and_goes_on_there) {
    turn(0, kYard, kFeedEntries + 3);
    EXPECT_EQ(given().size(), kFeedEntries);
    answer();
    clock_.advance(kFeedMarkEvery);
    EXPECT_EQ(given(), (std::vector<EntryPlace>{{kYard, Seq{257}}, {kYard, Seq{258}}, {kYard, Seq{259}}}));
    // The mark is stored in the middle of the row, too.
    restart();
    EXPECT_EQ(given(), (std::vector<EntryPlace>{{kYard, Seq{257}}, {kYard, Seq{258}}, {kYard, Seq{259}}}));
}

TEST_F(FeedTest, a_batch_ends_at_a_mebibyte_of_text_but_holds_one_entry) {
    turn(0, kYard, 3, std::string(700'000, 'x'));
    EXPECT_EQ(given().size(), 1u);
    answer();
    EXPECT_EQ(given().size(), 1u);
}

TEST_F(FeedTest, runs_come_one_after_the_other_whatever_number_of_engines_each_has) {
    turn(0, kYard, 2);
    begin_run(3);
    turn(2, kYard, 1);
    turn(0, kStreet, 1);
    begin_run(2);
    turn(1, kYard, 1);
    turn(0, kStreet, 2);
    std::map<ConversationId, Seq> last;
    for (const auto& [conversation, seq] : all()) {
        EXPECT_EQ(seq, next(last[conversation]));
        last[conversation] = seq;
    }
    EXPECT_EQ(last, heads_);
    EXPECT_EQ(feed().figures().behind, 0u);
}

TEST_F(FeedTest, a_restart_goes_on_behind_the_stored_mark) {
    turn(0, kYard, 2);
    given();
    answer();
    turn(0, kYard, 1);
    clock_.advance(kFeedMarkEvery);
    given();  // stores the mark, and gives the third
    restart();
    EXPECT_EQ(given(), (std::vector<EntryPlace>{{kYard, Seq{3}}}));
    EXPECT_EQ(batches_.back().entries[0].position, 3u);
}

TEST_F(FeedTest, a_crash_before_the_mark_is_stored_gives_them_again) {
    turn(0, kYard, 2);
    given();
    answer();
    restart();
    EXPECT_EQ(given().size(), 2u);
}

TEST_F(FeedTest, a_drain_stores_the_mark_and_gives_nothing_more) {
    turn(0, kYard, 1);
    given();
    turn(0, kYard, 1);
    feed().drain();
    EXPECT_FALSE(feed().is_marked() && !feed().is_out());
    answer();
    EXPECT_TRUE(given().empty());
    EXPECT_TRUE(feed().is_marked());
    EXPECT_TRUE(feed().is_idle());
    restart();
    EXPECT_EQ(given(), (std::vector<EntryPlace>{{kYard, Seq{2}}}));
}

TEST_F(FeedTest, what_fails_comes_again_with_back_off_and_the_mark_does_not_pass_it) {
    feed();
    turn(0, kYard, 1);
    given();
    Millis pause = kFeedRetryFirst;
    for (int failures = 1; failures <= 10; ++failures) {
        answer("it broke");
        EXPECT_EQ(feed().figures().retry_after, pause);
        EXPECT_EQ(feed().work(), clock_.tick() + pause);
        clock_.advance(pause - Millis{1});
        EXPECT_TRUE(given().empty());
        clock_.advance(Millis{1});
        EXPECT_EQ(given(), (std::vector<EntryPlace>{{kYard, Seq{1}}}));
        EXPECT_EQ(feed().figures().behind, 1u);
        pause = std::min(2 * pause, kFeedRetryMax);
    }
    EXPECT_EQ(feed().figures().failures, 10u);
    answer();
    EXPECT_EQ(feed().figures().behind, 0u);
    EXPECT_EQ(feed().figures().retry_after, Millis{0});
}

TEST_F(FeedTest, no_answer_in_time_is_a_failure_and_a_late_one_is_dropped) {
    turn(0, kYard, 1);
    given();
    EXPECT_EQ(feed().work(), clock_.tick() + kTimeout);
    clock_.advance(kTimeout);
    feed().work();
    EXPECT_EQ(feed().figures().failures, 1u);
    answer();
    EXPECT_EQ(feed().figures().position, 0u);
    clock_.advance(kFeedRetryFirst);
    EXPECT_EQ(given().size(), 1u);
}

TEST_F(FeedTest, a_full_mailbox_is_no_failure) {
    has_room_ = false;
    turn(0, kYard, 1);
    EXPECT_TRUE(given().empty());
    EXPECT_EQ(feed().figures().failures, 0u);
    has_room_ = true;
    clock_.advance(kFeedRoomRetry);
    EXPECT_EQ(given().size(), 1u);
}

TEST_F(FeedTest, idle_it_waits_for_nothing) {
    turn(0, kYard, 1);
    given();
    answer();
    clock_.advance(kFeedMarkEvery);
    EXPECT_EQ(feed().work(), std::nullopt);
}

TEST_F(FeedTest, the_lag_counts_what_earlier_runs_left_and_what_comes) {
    turn(0, kYard, 5);
    begin_run(2);
    EXPECT_EQ(feed().figures().behind, 5u);
    turn(1, kYard, 2);
    EXPECT_EQ(feed().figures().behind, 7u);
    EXPECT_EQ(given().size(), 5u);  // a run at a time
    EXPECT_EQ(feed().figures().oldest, clock_.now());
    answer();
    EXPECT_EQ(feed().figures().behind, 2u);
    EXPECT_EQ(all().size(), 2u);
    EXPECT_EQ(feed().figures().behind, 0u);
    EXPECT_EQ(feed().figures().oldest, Time{});
}

TEST_F(FeedTest, a_hole_in_the_index_is_an_error_and_nothing_behind_it_is_given) {
    turn(0, kYard, 1);
    Batch lost;
    streams_[0].add(kYard, Seq{2});
    streams_[0].end_turn(lost);
    heads_[kYard] = Seq{2};
    turn(0, kYard, 1);
    EXPECT_TRUE(given().empty());
    EXPECT_EQ(feed().figures().failures, 1u);
    EXPECT_NE(feed().figures().problem.find("a hole in the commit index"), std::string::npos);
}

TEST_F(FeedTest, the_feed_of_a_dead_process_stores_no_mark) {
    turn(0, kYard, 1);
    given();
    answer();
    (void)store_.claim_all();
    clock_.advance(kFeedMarkEvery);
    feed().work();
    EXPECT_TRUE(feed().is_lost());
}

}  // namespace
}  // namespace madang
