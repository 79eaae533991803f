// Deleted accounts: the state machine that takes them out of everywhere, and an engine that does.
#include "chat/departures.hpp"

#include <gtest/gtest.h>

#include "engine_bench.hpp"
#include "model/deleted_user.hpp"
#include "store/departure_records.hpp"
#include "store/keys.hpp"

namespace madang::test {
namespace {

using namespace std::chrono_literals;

constexpr UserId kWho{4'096};
const Profile kGone = deleted_profile(kWho, {});

Place place(std::uint64_t conversation) { return {ConversationId{conversation}, UserId{}}; }

LeftPlace answer(const LeavePlace& ask) { return {ask.who.id, ask.place, ask.number}; }

TEST(Departures, a_user_is_erased_when_every_place_is_left) {
    Departures departures;
    departures.add(kWho);
    departures.add(kWho);
    ASSERT_EQ(departures.next(), kWho);
    EXPECT_EQ(departures.next(), std::nullopt);
    departures.begin(kGone, {place(1), {ConversationId{}, UserId{7}}});
    const auto asks = departures.due(Tick{0});
    ASSERT_EQ(asks.size(), 2u);
    departures.on_left(answer(asks[0]));
    EXPECT_TRUE(departures.to_erase().empty());
    departures.on_left(answer(asks[1]));
    EXPECT_EQ(departures.to_erase(), std::vector{kWho});
    EXPECT_TRUE(departures.to_erase().empty()) << "once";
    departures.end(kWho);
    EXPECT_TRUE(departures.empty());
}

TEST(Departures, what_has_no_answer_is_asked_again_and_later_each_time) {
    Departures departures;
    departures.add(kWho);
    departures.next();
    departures.begin(kGone, {place(1)});
    ASSERT_EQ(departures.due(Tick{0}).size(), 1u);
    EXPECT_TRUE(departures.due(Tick{400ms}).empty());
    EXPECT_EQ(departures.due(Tick{500ms}).size(), 1u);
    EXPECT_TRUE(departures.due(Tick{1'400ms}).empty());
    EXPECT_EQ(departures.due(Tick{1'500ms}).size(), 1u);
}

TEST(Departures, a_place_that_turns_up_again_needs_an_answer_of_its_own) {
    Departures departures;
    departures.add(kWho);
    departures.next();
    departures.begin(kGone, {place(1)});
    const auto first = departures.due(Tick{0}).at(0);
    departures.add(kWho, place(1));  // joined again behind the first asking
    departures.on_left(answer(first));
    EXPECT_TRUE(departures.to_erase().empty());
    const auto second = departures.due(Tick{0}).at(0);
    departures.on_left(answer(first));  // once more: the bus repeats
    EXPECT_TRUE(departures.to_erase().empty());
    departures.on_left(answer(second));
    EXPECT_EQ(departures.to_erase().size(), 1u);
    departures.add(kWho, place(2));
    EXPECT_FALSE(departures.is_erasing(kWho)) << "first the place that turned up meanwhile";
}

TEST(Departures, many_places_and_many_users_are_asked_for_a_few_at_a_time) {
    Departures departures;
    std::vector<Place> places;
    for (std::uint64_t i = 1; i <= 100; ++i) places.push_back(place(i));
    for (std::uint64_t i = 1; i <= 20; ++i) departures.add(UserId{i});
    std::size_t begun = 0;
    while (const auto user = departures.next()) departures.begin(deleted_profile(*user, {}), places), ++begun;
    EXPECT_EQ(begun, Departures::kTogether);
    EXPECT_EQ(departures.due(Tick{0}).size(), Departures::kTogether * Departures::kAskedAtOnce);
    EXPECT_TRUE(departures.due(Tick{0}).empty());
}

TEST(Departures, a_record_is_read_as_it_was_written) {
    const Departure departure{{ConversationId{5}, ConversationId{9}}, {UserId{7}}};
    std::string bytes;
    encode(departure, bytes);
    EXPECT_EQ(decode_departure(bytes).value(), departure);
    EXPECT_FALSE(decode_departure(bytes + "x"));
    EXPECT_FALSE(decode_departure(bytes.substr(0, bytes.size() - 1)));
}

struct Deleting : testing::Test {
    EngineBench bench;
    Actor alice = bench.sign_up("alice"), bob = bench.sign_up("bob"), carol = bench.sign_up("carol");

    std::size_t rows(Table table, UserId user) {
        std::size_t count = 0;
        EXPECT_TRUE(
            bench.store().scan(table, Key{user.value}, Key{user.value + 1}, Order::ascending, [&](auto, auto) { return ++count > 0; }));
        return count;
    }
    void be_gone(UserId user) {
        for (const auto table :
             {Table::inbox, Table::user_conversation, Table::preference, Table::mention, Table::relation, Table::device, Table::departure})
            EXPECT_EQ(rows(table, user), 0u) << name_of(table);
        EXPECT_TRUE(bench.engine().is_idle());
    }
};

TEST_F(Deleting, takes_the_account_out_of_everywhere) {
    const auto group = bench.group(alice, {bob.user, carol.user});
    const auto direct = bench.direct(alice, bob);
    bench.send(bob, direct, "c", "@alice hi");
    bench.send(alice, group, "c", "hello");
    bench.get<ConversationView>(UpdateView{.actor = alice, .conversation = group, .pinned = true});
    bench.get<Friendship>(ChangeRelation{alice, bob.user, RelationAct::befriend});
    bench.get<Friendship>(ChangeRelation{carol, alice.user, RelationAct::block});
    const auto socket = bench.attach(alice);
    bench.get<Done>(DeleteAccount{alice});

    be_gone(alice.user);
    EXPECT_EQ(bench.closes(socket), std::vector{CloseCode::session_revoked});
    EXPECT_EQ(bench.error(Authenticate{alice.user, alice.device, {}}), Code::unauthenticated);
    EXPECT_EQ(bench.error(FindAccount{"alice"}), Code::not_found);
    EXPECT_EQ(bench.error(SignUp{.username = "Alice", .display_name = {}, .password_hash = {}}), Code::username_taken);
    EXPECT_TRUE(is_deleted(bench.get<Account>(GetAccount{alice.user}).profile));
    EXPECT_EQ(bench.error(UpdateAccount{alice, "Alice", {}}), Code::unauthenticated);
    EXPECT_EQ(bench.error(DeleteAccount{alice}), Code::unauthenticated);

    const auto members = bench.get<MemberPage>(ListMembers{bob, group, 10, {}}).members;
    ASSERT_EQ(members.size(), 2u);
    EXPECT_EQ(std::ranges::count(members, Role::owner, [](const MemberView& each) { return each.member.role; }), 1);
    EXPECT_TRUE(is_deleted(*bench.get<ConversationView>(GetConversation{bob, direct}).peer));
    EXPECT_EQ(bench.error(Send{.actor = bob, .conversation = direct, .peer = {}, .client_id = "d", .text = "there?"}), Code::blocked);
    EXPECT_EQ(bench.error(CreateDirect{carol, alice.user}), Code::not_found);
    EXPECT_EQ(bench.error(ChangeRelation{bob, alice.user, RelationAct::befriend}), Code::not_found);
    EXPECT_TRUE(bench.get<RelationPage>(ListRelations{bob, false, 10, {}}).people.empty());
    EXPECT_TRUE(bench.get<RelationPage>(ListRelations{carol, true, 10, {}}).people.empty()) << "blocks end, too";
    EXPECT_EQ(bench.get<HistoryPage>(History{bob, group, {}, {}, {}, 10}).messages.size(), 1u);
    for (const auto& actor : {bob, carol})
        for (const auto& event : bench.sync(actor))
            if (event.entry->change && event.entry->change->member.user.id == alice.user) {
                EXPECT_TRUE(is_deleted(event.entry->change->member.user)) << "also in what was before";
            }
}

TEST_F(Deleting, goes_on_after_a_crash) {
    const auto group = bench.group(alice, {bob.user});
    bench.engine().handle({}, DeleteAccount{alice});
    bench.turn();  // the account is gone, and nothing else
    bench.restart();
    be_gone(alice.user);
    EXPECT_EQ(bench.get<MemberPage>(ListMembers{bob, group, 10, {}}).members.size(), 1u);
}

TEST_F(Deleting, one_who_is_added_behind_the_deletion_is_taken_out_again) {
    const auto group = bench.group(bob, {carol.user});
    // As if alice's engine had been asked before: her account is there until the turn ends.
    const auto invited = bench.post(PutMember{bob, group, alice.user, {}, {}});
    bench.post(DeleteAccount{alice});
    bench.run();
    EXPECT_TRUE(bench.is_answered(invited));
    be_gone(alice.user);
    for (const auto& member : bench.get<MemberPage>(ListMembers{bob, group, 10, {}}).members) EXPECT_NE(member.member.user.id, alice.user);
}

TEST_F(Deleting, names_of_deleted_users_are_nobodys) {
    EXPECT_EQ(bench.error(SignUp{.username = "DELETED-17", .display_name = {}, .password_hash = {}}), Code::bad_request);
    EXPECT_EQ(bench.error(SignUp{.username = "deleted-x", .display_name = {}, .password_hash = {}}), std::nullopt);
}

TEST_F(Deleting, a_new_password_signs_out_the_others) {
    const auto hash = [&] { return bench.get<Account>(FindAccount{"alice"}).password_hash; };
    const auto other = bench.log_in(alice.user);
    EXPECT_EQ(bench.error(ChangePassword{alice, "another", "new"}), Code::forbidden);
    EXPECT_EQ(rows(Table::device, alice.user), 2u);
    bench.get<Done>(ChangePassword{alice, hash(), "new"});
    EXPECT_EQ(hash(), "new");
    EXPECT_EQ(rows(Table::device, alice.user), 1u);
    EXPECT_EQ(bench.error(Authenticate{other.user, other.device, {}}), Code::unauthenticated);
    EXPECT_EQ(bench.error(ChangePassword{other, "new", "newer"}), Code::unauthenticated);
}

TEST_F(Deleting, an_export_comes_in_pages_that_are_no_larger_than_asked_for) {
    const auto group = bench.group(alice, {bob.user});
    for (int i = 0; i < 5; ++i)
        bench.send(alice, group, "c" + std::to_string(i), "mine"), bench.send(bob, group, "c" + std::to_string(i), "not");
    bench.get<Friendship>(ChangeRelation{alice, bob.user, RelationAct::befriend});
    bench.get<Friendship>(ChangeRelation{alice, carol.user, RelationAct::block});
    std::size_t pages = 0, friends = 0, blocks = 0, conversations = 0, messages = 0, accounts = 0;
    Export request{.actor = alice, .limit = 2, .after = {}};
    do {
        const auto page = bench.get<ExportPage>(request);
        EXPECT_LE(page.friends.size() + page.blocks.size() + page.conversations.size() + page.messages.size(), 2u);
        ++pages, friends += page.friends.size(), blocks += page.blocks.size(), conversations += page.conversations.size();
        messages += page.messages.size(), accounts += page.account ? 1 : 0;
        for (const auto& entry : page.messages) EXPECT_EQ(entry->message.sender, alice.user);
        request.after = page.next;
    } while (request.after && pages < 20);
    EXPECT_EQ(std::tuple(friends, blocks, conversations, messages, accounts), std::tuple(1u, 1u, 1u, 5u, 1u));
}

// ---- the audit --------------------------------------------------------------------------------------------------------------------------

TEST_F(Deleting, the_audit_agrees_with_what_is_served) {
    const auto group = bench.group(alice, {bob.user});
    for (int i = 0; i < 5; ++i) bench.send(alice, group, "c" + std::to_string(i), "@bob hi");
    bench.get<Sent>(DeleteMessage{alice, group, Seq{4}});
    bench.get<Sent>(EditMessage{alice, group, Seq{6}, "nobody"});
    bench.get<ReadState>(MarkRead{bob, group, Seq{5}});
    const auto report = bench.get<AuditReport>(AuditUser{bob.user, {}});
    EXPECT_EQ(report.differences, std::vector<AuditDifference>{});
    EXPECT_EQ(std::tuple(report.conversations, report.unread, report.unread_mentions, report.mentions), std::tuple(1u, 3u, 2u, 3u));
}

// What the store says wrong: the audit must find each.
struct Damage {
    const char* what;
    void (*change)(UserConversation& row);
};
struct DamagedUser : Deleting, testing::WithParamInterface<Damage> {};

TEST_P(DamagedUser, is_found_by_the_audit) {
    const auto group = bench.group(alice, {bob.user});
    for (int i = 0; i < 300; ++i) bench.send(alice, group, "c" + std::to_string(i), "@bob hi");  // a checkpoint is written
    bench.get<ReadState>(MarkRead{bob, group, Seq{100}});
    for (int i = 0; i < 300; ++i) bench.send(alice, group, "d" + std::to_string(i), "@bob hi");
    const auto key = user_conversation_key(bob.user, group);
    auto row = decode_user_conversation(group, bench.store().get(Table::user_conversation, key).value().value()).value();
    GetParam().change(row);
    std::string bytes;
    encode(row, bytes);
    Batch batch;
    batch.put(Table::user_conversation, key, bytes);
    ASSERT_EQ(bench.store().append(batch), Outcome::durable);
    bench.restart();
    const auto report = bench.get<AuditReport>(AuditUser{bob.user, {}});
    ASSERT_FALSE(report.differences.empty());
    const auto found = [&](const AuditDifference& each) { return word_of(each.what) == GetParam().what; };
    EXPECT_TRUE(std::ranges::any_of(report.differences, found));
}

INSTANTIATE_TEST_SUITE_P(Each, DamagedUser,
                         testing::Values(Damage{"unread", [](UserConversation& row) { ++row.unread; }},
                                         Damage{"unread_mentions", [](UserConversation& row) { --row.unread_mentions; }},
                                         Damage{"marker", [](UserConversation& row) { row.read_seq = Seq{row.read_seq.value + 1}; }},
                                         Damage{"membership", [](UserConversation& row) { row.left = true; }}));

TEST_F(Deleting, the_audit_finds_mentions_that_are_missing_and_such_as_are_nobodys) {
    const auto group = bench.group(alice, {bob.user});
    const auto named = bench.send(alice, group, "c", "@bob hi").entry;
    const auto plain = bench.send(alice, group, "d", "hi").entry;
    const auto what = [&] {
        std::vector<std::pair<Seq, std::uint64_t>> found;
        for (const auto& each : bench.get<AuditReport>(AuditUser{bob.user, {}}).differences) found.emplace_back(each.seq, each.served);
        return found;
    };
    Batch lost;
    lost.erase(Table::mention, mention_key(bob.user, named->message.id));
    ASSERT_EQ(bench.store().append(lost), Outcome::durable);
    EXPECT_EQ(what(), (std::vector<std::pair<Seq, std::uint64_t>>{{named->seq, 0}}));
    std::string bytes;
    encode(Mention{group, plain->seq}, bytes);
    Batch added;
    added.put(Table::mention, mention_key(bob.user, named->message.id), bytes);
    ASSERT_EQ(bench.store().append(added), Outcome::durable);
    EXPECT_EQ(what(), (std::vector<std::pair<Seq, std::uint64_t>>{{plain->seq, 1}})) << "it leads to another message";
}

}  // namespace
}  // namespace madang::test
