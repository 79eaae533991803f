// Messages that only their authors see: reads that don't walk through them, and what everybody is shown of them.
#include <algorithm>

#include <gtest/gtest.h>

#include "chat/log_walk.hpp"
#include "engine_bench.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

// Counts what is read of it.
class CountingStore final : public Store {
  public:
    explicit CountingStore(MemoryStore& store) : store_(store) {}
    Result<Epoch> claim(Slot slot) override { return store_.claim(slot); }
    Result<Epoch> claim_all() override { return store_.claim_all(); }
    Outcome append(const Batch& batch) override { return store_.append(batch); }
    Result<std::optional<std::string>> get(Table table, std::string_view key) const override {
        ++reads;
        return store_.get(table, key);
    }
    Result<> scan(Table table, std::string_view from, std::string_view to, Order order, const Visitor& visit) const override {
        return store_.scan(table, from, to, order, [&](std::string_view key, std::string_view value) {
            ++reads;
            return visit(key, value);
        });
    }
    bool has_space() const override { return store_.has_space(); }

    mutable std::size_t reads = 0;

  private:
    MemoryStore& store_;
};

struct Shadowing : testing::Test {
    Shadowing() {
        bench.verdict = [](const CheckCall& call) {
            return call.text.starts_with("shadow") ? Verdict{Verdict::Kind::shadow, ""} : Verdict{};
        };
    }
    EngineBench bench{Limits{}, {}, {CheckRule{}}};
    Actor a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    ConversationId id = bench.group(a, {b.user, c.user});  // four entries
    unsigned last_client_id = 0;

    Seq say(const Actor& actor, const std::string& text) {
        return bench.send(actor, id, std::to_string(++last_client_id), text).entry->seq;
    }
    std::vector<Seq> history(const Actor& actor, std::optional<Seq> after = {}) {
        std::vector<Seq> seqs;
        for (const auto& each :
             bench.get<HistoryPage>(History{.actor = actor, .conversation = id, .before = {}, .after = after, .around = {}}).messages)
            seqs.push_back(each->seq);
        return seqs;
    }
    std::vector<Seq> inbox(const Actor& actor) {
        std::vector<Seq> seqs;
        for (const auto& each : bench.sync(actor))
            if (each.entry->is_message()) seqs.push_back(each.entry->seq);
        return seqs;
    }
    ConversationView view(const Actor& actor) { return bench.get<ConversationView>(GetConversation{actor, id}); }
};

TEST_F(Shadowing, only_the_author_has_it) {
    const auto plain = say(b, "hello"), hidden = say(b, "shadow me");
    const auto all = std::vector{plain, hidden};
    EXPECT_EQ(history(b), all);
    EXPECT_EQ(inbox(b), all);
    EXPECT_EQ(view(b).last_message->seq, hidden);
    EXPECT_EQ(view(b).head_seq, hidden);
    for (const auto& each : {a, c}) {
        EXPECT_EQ(history(each), std::vector{plain});
        EXPECT_EQ(inbox(each), std::vector{plain});
        EXPECT_EQ(view(each).last_message->seq, plain);
        EXPECT_EQ(view(each).head_seq, plain);
        EXPECT_EQ(view(each).own->unread, 1U);
        EXPECT_EQ(bench.error(DeleteMessage{each, id, hidden}), Code::not_found);
        EXPECT_EQ(bench.error(EditMessage{each, id, hidden, "x"}), Code::not_found);
    }
}

TEST_F(Shadowing, its_authors_revisions_stay_shadowed_and_all_goes_on_after_a_restart) {
    const auto hidden = say(b, "shadow me");
    bench.get<Sent>(EditMessage{b, id, hidden, "changed"});
    bench.restart();
    const auto plain = say(a, "hello");
    bench.get<Sent>(DeleteMessage{b, id, hidden});
    bench.restart();
    EXPECT_EQ(inbox(a), std::vector{plain});
    EXPECT_EQ(inbox(b), (std::vector{hidden, plain}));
    EXPECT_EQ(bench.sync(b).back().entry->type, EntryType::message_deleted);
    EXPECT_EQ(bench.sync(c).back().entry->seq, plain);
    EXPECT_EQ(history(c), std::vector{plain});
    const auto last = say(c, "bye");
    EXPECT_EQ(inbox(a), (std::vector{plain, last}));
    EXPECT_EQ(inbox(b), (std::vector{hidden, plain, last}));
}

TEST_F(Shadowing, a_view_of_the_conversations_own_engine_shows_the_author_theirs) {
    const auto plain = say(a, "hello"), hidden = say(a, "shadow me");
    const auto rename = [&](const Actor& actor, const std::string& title) {
        return bench.get<ConversationView>(UpdateConversation{actor, id, title, {}, {}, {}});
    };
    EXPECT_EQ(rename(a, "mine").last_message->seq, hidden);
    bench.restart();
    EXPECT_EQ(rename(a, "again").last_message->seq, hidden);
    bench.get<MemberView>(PutMember{a, id, c.user, Role::admin, {}});
    EXPECT_EQ(rename(c, "theirs").last_message->seq, plain);
}

TEST_F(Shadowing, times_and_ids_rise_through_it_over_a_restart) {
    say(a, "hello");
    const auto hidden = bench.send(b, id, "h", "shadow me").entry;
    bench.restart();
    bench.clock().set_wall(bench.clock().now() - Millis{10'000});
    const auto plain = bench.send(a, id, "p", "after").entry;
    EXPECT_GE(plain->created_at, hidden->created_at);
    EXPECT_GT(plain->message.id, hidden->message.id);
}

TEST_F(Shadowing, a_flood_of_two_costs_others_a_few_reads) {
    const auto before = say(a, "before");
    for (int i = 0; i < 2'000; ++i) say(i % 2 ? b : c, "shadow");
    const auto after = say(a, "after");
    say(b, "shadow at the end");

    CountingStore store(bench.store());
    const auto cost = [&](auto&& read) {
        store.reads = 0;
        EXPECT_TRUE(read());
        return store.reads;
    };
    std::vector<Seq> seen;
    const auto visit = [&](const EntryPtr& entry) -> Result<bool> {
        seen.push_back(entry->seq);
        return true;
    };
    constexpr std::size_t kFew = 60;
    EXPECT_LT(cost([&] { return walk_shown(store, id, a.user, Seq{1}, kBehindAll, visit).has_value(); }), kFew);
    EXPECT_EQ(std::vector(seen.end() - 2, seen.end()), (std::vector{before, after}));
    seen.clear();
    EXPECT_LT(cost([&] { return walk_shown_back(store, id, a.user, Seq{1}, kBehindAll, visit).has_value(); }), kFew);
    EXPECT_EQ(std::vector(seen.begin(), seen.begin() + 2), (std::vector{after, before}));
    EXPECT_LT(cost([&] { return walk_runs_back(store, id, kBehindAll, visit).has_value(); }), kFew);

    const auto loaded = [&](const Job& job) { return load(store, Limits{}, 0, 1, job); };
    LoadedConversation::State state;
    EXPECT_LT(cost([&] {
                  state = **std::get<LoadedConversation>(loaded(LoadConversation{id})).state;
                  return true;
              }),
              kFew);
    for (std::size_t i = 0; i < state.members.size(); ++i)
        EXPECT_EQ(state.addressed[i], state.members[i].user.id == b.user ? next(after) : after);
    EXPECT_EQ(state.last_message->seq, after);
    EXPECT_LT(cost([&] { return std::get<LoadedEntries>(loaded(LoadEntries{id, a.user, before, next(after)})).entries->size() == 1; }),
              kFew);
}

TEST_F(Shadowing, what_is_no_message_costs_who_looks_for_messages_a_few_reads) {
    const auto nothing = [&](ConversationId here) {
        for (int i = 0; i < 1'000; ++i)
            bench.get<ConversationView>(
                UpdateConversation{a, here, "title " + std::to_string(i), std::nullopt, std::nullopt, std::nullopt});
    };
    const auto empty = bench.group(a, {b.user});
    nothing(empty);
    const auto first = say(a, "first");
    for (int i = 0; i < 1'000; ++i) bench.get<Sent>(EditMessage{a, id, first, "edit " + std::to_string(i)});
    say(b, "shadow");
    const auto second = say(a, "second");
    nothing(id);
    bench.restart();  // what is loaded knows it, too
    nothing(id);

    CountingStore store(bench.store());
    const auto cost = [&](auto&& read) {
        store.reads = 0;
        read();
        return store.reads;
    };
    constexpr std::size_t kFew = 120;
    const auto answer_to = [&](Request request) { return answer(store, Limits{}, Query{.to = {}, .request = std::move(request)}); };
    HistoryPage page;
    EXPECT_LT(cost([&] { page = std::get<HistoryPage>(*answer_to(History{c, id, std::nullopt, Seq{1}, std::nullopt})); }), kFew);
    ASSERT_EQ(page.messages.size(), 2u);
    EXPECT_EQ(page.messages[0]->seq, first);
    EXPECT_EQ(page.messages[1]->seq, second);
    EXPECT_LT(cost([&] { page = std::get<HistoryPage>(*answer_to(History{c, id, second, std::nullopt, std::nullopt})); }), kFew);
    EXPECT_EQ(page.messages.back()->seq, first);
    for (const auto here : {id, empty}) {
        ConversationView seen;
        EXPECT_LT(cost([&] { seen = std::get<ConversationView>(*answer_to(GetConversation{a, here})); }), kFew);
        EXPECT_EQ(seen.last_message != nullptr, here == id);
        LoadedConversation::State state;
        EXPECT_LT(cost([&] { state = **std::get<LoadedConversation>(load(store, Limits{}, 0, 1, LoadConversation{here})).state; }), kFew);
        EXPECT_EQ(state.last_message != nullptr, here == id);
    }
}

TEST_F(Shadowing, the_entry_before_is_known_for_everybody_from_the_newest_of_a_run) {
    const auto wide = say(a, "hello");
    const auto of_b = say(b, "shadow"), of_c = say(c, "shadow"), last = say(c, "shadow");
    const auto row = bench.store().get(Table::message, message_key(id, last));
    const auto entry = *decode_entry(id, last, **row);
    EXPECT_EQ(entry->shadow->wide, wide);
    EXPECT_EQ(entry->shadow->others, (std::vector<std::pair<UserId, Seq>>{{b.user, of_b}}));
    const auto before = [&](const Actor& actor) {
        const Member member{.user = {.id = actor.user}, .stays = {{Seq{1}, Seq{}}}};
        return addressed_before(member, next(last), std::vector{entry});
    };
    EXPECT_EQ(before(a), wide);
    EXPECT_EQ(before(b), of_b);
    EXPECT_EQ(before(c), last);
    EXPECT_LT(of_c, last);
}

}  // namespace
}  // namespace madang
