#include "chat/engine.hpp"

#include <array>

#include <gtest/gtest.h>

#include "engine_bench.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

std::vector<std::string> texts_of(const std::vector<Event>& events) {
    std::vector<std::string> texts;
    for (const auto& event : events)
        if (event.entry->is_message()) texts.push_back(event.entry->message.text);
    return texts;
}

void expect_contiguous(const std::vector<Event>& events, std::uint64_t first = 1) {
    for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].cursor, Cursor{first + i});
}

TEST(Accounts, a_username_is_taken_once_whatever_its_case) {
    EngineBench bench;
    bench.sign_up("Alice");
    EXPECT_EQ(bench.error(SignUp{.username = "aLICE", .display_name = {}, .password_hash = {}}), Code::username_taken);
    bench.restart();
    EXPECT_EQ(bench.error(SignUp{.username = "alice", .display_name = {}, .password_hash = {}}), Code::username_taken);
}

TEST(Accounts, two_sign_ups_of_one_name_in_one_turn_make_one_account) {
    EngineBench bench;
    const auto first = bench.post(SignUp{.username = "a", .display_name = {}, .password_hash = {}});
    const auto second = bench.post(SignUp{.username = "a", .display_name = {}, .password_hash = {}});
    bench.run();
    EXPECT_TRUE(bench.answer(first));
    EXPECT_EQ(bench.answer(second).error().code, Code::username_taken);
}

TEST(Accounts, the_answer_waits_for_the_disk) {
    EngineBench bench;
    const auto number = bench.post(SignUp{.username = "a", .display_name = {}, .password_hash = {}});
    EXPECT_FALSE(bench.is_answered(number));
    bench.run();
    EXPECT_TRUE(bench.is_answered(number));
    EXPECT_EQ(bench.store().rows(Table::account), 1u);
}

TEST(Accounts, one_device_too_many_signs_out_the_one_unused_for_longest) {
    Limits limits;
    limits.devices_per_user = 2;
    EngineBench bench(limits);
    const auto first = bench.sign_up("a");
    const auto socket = bench.attach(first);
    bench.clock().advance(Millis{1'000});
    const auto second = bench.log_in(first.user);
    bench.clock().advance(Millis{1'000});
    const auto third = bench.log_in(first.user);
    // The first one has a socket open: it is in use.
    EXPECT_TRUE(bench.closes(socket).empty());
    EXPECT_EQ(bench.error(Authenticate{first.user, second.device, {}}), Code::unauthenticated);
    EXPECT_EQ(bench.error(Authenticate{first.user, first.device, {}}), std::nullopt);
    EXPECT_EQ(bench.error(Authenticate{first.user, third.device, {}}), std::nullopt);
}

TEST(Accounts, a_device_whose_poll_waits_is_in_use) {
    Limits limits;
    limits.devices_per_user = 2;
    EngineBench bench(limits);
    const auto first = bench.sign_up("a");
    const auto poll = bench.post(Sync{.actor = first, .cursor = Cursor{0}, .limit = 100, .wait = Millis{60'000}});
    bench.run();
    bench.clock().advance(Millis{1'000});
    const auto second = bench.log_in(first.user);
    bench.clock().advance(Millis{1'000});
    bench.log_in(first.user);
    EXPECT_FALSE(bench.is_answered(poll));
    EXPECT_EQ(bench.error(Authenticate{first.user, second.device, {}}), Code::unauthenticated);
}

TEST(Accounts, a_log_in_with_a_password_that_was_changed_meanwhile_is_none) {
    EngineBench bench;
    const auto a = bench.sign_up("a");
    OpenSession late{.user = a.user, .device_name = {}, .platform = {}, .verified_hash = ""};
    bench.get<SessionOpened>(late);
    bench.get<Done>(ChangePassword{a, "", "another hash"});
    EXPECT_EQ(bench.error(late), Code::unauthenticated);
    EXPECT_EQ(bench.get<std::vector<Device>>(ListSessions{a}).size(), 1u);
}

TEST(Accounts, a_token_expires_and_a_log_out_closes_its_socket) {
    EngineBench bench;
    const auto alice = bench.sign_up("a");
    const auto socket = bench.attach(alice);
    EXPECT_EQ(bench.error(CloseSession{alice, alice.device}), std::nullopt);
    EXPECT_EQ(bench.closes(socket), (std::vector{CloseCode::session_revoked}));
    EXPECT_EQ(bench.error(Authenticate{alice.user, alice.device, {}}), Code::unauthenticated);
    const auto again = bench.log_in(alice.user);
    bench.clock().advance(Limits{}.token_lifetime);
    EXPECT_EQ(bench.error(Authenticate{again.user, again.device, {}}), Code::unauthenticated);
}

TEST(Direct, is_not_made_anew_when_the_record_of_the_pair_is_unreadable) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    bench.direct(a, b);
    Batch broken;
    broken.put(Table::pair, pair_key(a.user, b.user), "no record");
    ASSERT_EQ(bench.store().append(broken), Outcome::durable);
    EXPECT_EQ(bench.error(CreateDirect{a, b.user}), Code::internal);
    EXPECT_EQ(bench.store().rows(Table::conversation), 1u);
}

TEST(Accounts, a_name_whose_record_is_unreadable_is_not_given_again) {
    EngineBench bench;
    bench.sign_up("a");
    Batch broken;
    broken.put(Table::name, name_key("a"), "no record");
    ASSERT_EQ(bench.store().append(broken), Outcome::durable);
    EXPECT_EQ(bench.error(SignUp{.username = "a", .display_name = {}, .password_hash = {}}), Code::internal);
    EXPECT_EQ(bench.error(FindAccount{"a"}), Code::internal);
    EXPECT_EQ(bench.store().rows(Table::account), 1u);
}

TEST(History, after_the_greatest_number_there_is_nothing) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.group(a, {b.user});
    bench.send(a, id, "1", "x");
    History request{.actor = a, .conversation = id, .before = {}, .after = Seq{~std::uint64_t{0}}, .around = {}};
    EXPECT_TRUE(bench.get<HistoryPage>(request).messages.empty());
    EXPECT_TRUE(bench.get<MemberPage>(ListMembers{.actor = a, .conversation = id, .limit = 100, .after = UserId{~std::uint64_t{0}}})
                    .members.empty());
}

TEST(Direct, is_one_per_pair_whoever_asks) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    EXPECT_EQ(bench.direct(b, a), id);
    bench.restart();
    EXPECT_EQ(bench.direct(b, a), id);
    EXPECT_EQ(bench.error(CreateDirect{a, a.user}), Code::bad_request);
    EXPECT_EQ(bench.error(CreateDirect{a, UserId{12345}}), Code::not_found);
}

TEST(Direct, is_listed_for_the_other_one_from_the_first_message) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    EXPECT_EQ(bench.get<ConversationPage>(ListConversations{.actor = a, .before = {}}).conversations.size(), 1u);
    EXPECT_TRUE(bench.get<ConversationPage>(ListConversations{.actor = b, .before = {}}).conversations.empty());
    bench.send(a, id, "1", "hi");
    const auto page = bench.get<ConversationPage>(ListConversations{.actor = b, .before = {}});
    ASSERT_EQ(page.conversations.size(), 1u);
    EXPECT_EQ(page.conversations[0].peer->id, a.user);
    EXPECT_EQ(page.conversations[0].last_message->message.text, "hi");
}

TEST(Send, to_a_peer_makes_the_conversation_in_the_same_append) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto before = bench.store().appends();
    const auto sent = bench.get<Sent>(Send{.actor = a, .conversation = {}, .peer = b.user, .client_id = "1", .text = "hi"});
    EXPECT_EQ(bench.store().appends(), before + 1);
    EXPECT_EQ(sent.entry->seq, Seq{4});  // created, joined, joined, message
    EXPECT_EQ(texts_of(bench.sync(b)), (std::vector<std::string>{"hi"}));
}

TEST(Send, two_first_messages_to_each_other_meet_in_one_conversation) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    bench.restart();  // both are cold
    const auto one = bench.post(Send{.actor = a, .conversation = {}, .peer = b.user, .client_id = "1", .text = "x"});
    const auto two = bench.post(Send{.actor = b, .conversation = {}, .peer = a.user, .client_id = "1", .text = "y"});
    bench.run();
    EXPECT_EQ(std::get<Sent>(*bench.answer(one)).entry->conversation_id, std::get<Sent>(*bench.answer(two)).entry->conversation_id);
    EXPECT_EQ(bench.store().rows(Table::pair), 1u);
    EXPECT_EQ(texts_of(bench.sync(a)), texts_of(bench.sync(b)));
}

TEST(Send, a_repeat_is_answered_with_the_first_one_however_late) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    const auto first = bench.send(a, id, "c", "text");
    const auto again = bench.send(a, id, "c", "text");
    EXPECT_TRUE(again.repeated);
    EXPECT_EQ(again.entry->seq, first.entry->seq);
    bench.restart();
    const auto late = bench.send(a, id, "c", "text");
    EXPECT_TRUE(late.repeated);
    EXPECT_EQ(*late.entry, *first.entry);
    EXPECT_EQ(bench.error(Send{.actor = a, .conversation = id, .peer = {}, .client_id = "c", .text = "other"}), Code::client_id_reused);
    bench.send(b, id, "c", "b's own key");
    EXPECT_EQ(texts_of(bench.sync(b)), (std::vector<std::string>{"text", "b's own key"}));
}

TEST(Send, a_repeat_in_the_same_turn_is_one_message) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    const Send send{.actor = a, .conversation = id, .peer = {}, .client_id = "c", .text = "text"};
    const auto one = bench.post(send), two = bench.post(send);
    bench.run();
    EXPECT_FALSE(std::get<Sent>(*bench.answer(one)).repeated);
    EXPECT_TRUE(std::get<Sent>(*bench.answer(two)).repeated);
    EXPECT_EQ(texts_of(bench.sync(b)).size(), 1u);
}

TEST(Send, a_repeat_is_answered_even_to_one_who_has_left) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.group(a, {b.user});
    bench.send(b, id, "c", "text");
    bench.get<Done>(RemoveMember{a, id, b.user});
    EXPECT_TRUE(bench.send(b, id, "c", "text").repeated);
    EXPECT_EQ(bench.error(Send{.actor = b, .conversation = id, .peer = {}, .client_id = "d", .text = "text"}), Code::not_a_member);
}

TEST(Send, refusals_change_nothing) {
    Limits limits;
    limits.text_chars = 5;
    EngineBench bench(limits);
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), stranger = bench.sign_up("s");
    const auto id = bench.direct(a, b);
    const auto rows = bench.store().rows(Table::message);
    const auto refused = [&](const Actor& actor, ConversationId to, std::string client_id, std::string text) {
        return bench.error(
            Send{.actor = actor, .conversation = to, .peer = {}, .client_id = std::move(client_id), .text = std::move(text)});
    };
    EXPECT_EQ(refused(a, id, "c", ""), Code::bad_request);
    EXPECT_EQ(refused(a, id, "", "x"), Code::bad_request);
    EXPECT_EQ(refused(a, id, std::string(65, 'c'), "x"), Code::bad_request);
    EXPECT_EQ(refused(a, id, "c", "123456"), Code::text_too_long);
    EXPECT_EQ(refused(a, id, "c", "가나다라마바"), Code::text_too_long);
    EXPECT_EQ(refused(stranger, id, "c", "x"), Code::not_found);
    EXPECT_EQ(refused(a, ConversationId{99}, "c", "x"), Code::not_found);
    bench.store().set_space(false);
    EXPECT_EQ(refused(a, id, "c", "x"), Code::storage_full);
    bench.store().set_space(true);
    EXPECT_EQ(bench.store().rows(Table::message), rows);
    EXPECT_FALSE(bench.send(a, id, "c", "가나다라마").repeated);  // a refused send leaves no key
}

TEST(Attach, catches_up_and_goes_live_without_a_hole) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    for (int i = 0; i < 250; ++i) bench.send(a, id, "c" + std::to_string(i), std::to_string(i));
    bench.restart();  // nothing is in memory
    const auto socket = bench.attach(b, Cursor{0});
    EXPECT_EQ(bench.attached()[socket], Cursor{253});
    bench.send(a, id, "live", "live");
    EXPECT_EQ(bench.events(socket).size(), 254u);
    expect_contiguous(bench.events(socket));
    EXPECT_EQ(texts_of(bench.events(socket)).back(), "live");
}

TEST(Attach, a_reader_that_does_not_read_gets_one_page) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    for (int i = 0; i < 250; ++i) bench.send(a, id, "c" + std::to_string(i), std::to_string(i));
    bench.answers_pages = false;
    const auto socket = bench.attach(b, Cursor{0});
    for (int i = 0; i < 50; ++i) bench.send(a, id, "d" + std::to_string(i), std::to_string(i));
    EXPECT_EQ(bench.events(socket).size(), 100u);
    bench.answers_pages = true;
    bench.tell(Drained{socket, b.user});
    EXPECT_EQ(bench.events(socket).size(), 303u);
    expect_contiguous(bench.events(socket));
}

TEST(Attach, without_a_cursor_begins_now_and_a_second_one_starts_over) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    bench.send(a, id, "1", "old");
    const auto socket = bench.attach(b);
    EXPECT_TRUE(bench.events(socket).empty());
    bench.send(a, id, "2", "new");
    EXPECT_EQ(texts_of(bench.events(socket)), (std::vector<std::string>{"new"}));
    bench.tell(Attach{socket, b.user, Cursor{0}});
    EXPECT_EQ(texts_of(bench.events(socket)), (std::vector<std::string>{"new", "old", "new"}));
}

TEST(Attach, a_cursor_ahead_of_the_tail_is_a_resync_and_nothing_follows) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    const auto socket = bench.attach(b, Cursor{99});
    ASSERT_EQ(bench.resyncs(socket).size(), 1u);
    EXPECT_EQ(bench.resyncs(socket)[0].reason, ResyncReason::ahead);
    bench.send(a, id, "1", "x");
    EXPECT_TRUE(bench.events(socket).empty());
    bench.tell(Attach{socket, b.user, bench.resyncs(socket)[0].cursor});
    EXPECT_EQ(texts_of(bench.events(socket)), (std::vector<std::string>{"x"}));
}

TEST(Sync, a_long_poll_ends_with_the_first_event_or_at_its_deadline) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    const auto waiting = bench.post(Sync{.actor = b, .cursor = Cursor{3}, .limit = 100, .wait = Millis{25'000}});
    bench.run();
    EXPECT_FALSE(bench.is_answered(waiting));
    bench.send(a, id, "1", "x");
    EXPECT_EQ(texts_of(std::get<SyncPage>(*bench.answer(waiting)).events), (std::vector<std::string>{"x"}));
    const auto idle = bench.post(Sync{.actor = b, .cursor = Cursor{4}, .limit = 100, .wait = Millis{25'000}});
    bench.run();
    bench.clock().advance(Millis{25'000});
    bench.engine().tick();
    bench.run();
    const auto page = std::get<SyncPage>(*bench.answer(idle));
    EXPECT_TRUE(page.events.empty());
    EXPECT_EQ(page.cursor, Cursor{4});
    EXPECT_EQ(std::get<ResyncRequired>(*bench.call(Sync{.actor = b, .cursor = Cursor{5}})).reason, ResyncReason::ahead);
}

TEST(Sync, a_poll_whose_client_has_gone_ends_and_counts_as_attached_no_more) {
    EngineBench bench;
    const auto a = bench.sign_up("a");
    const Sync sync{.actor = a, .cursor = Cursor{0}, .limit = 100, .wait = Millis{60'000}};
    const auto gone = bench.post(sync), stays = bench.post(sync);
    bench.tell(EndPoll{a.user, gone});
    EXPECT_TRUE(bench.is_answered(gone));
    EXPECT_FALSE(bench.is_answered(stays));
    bench.tell(EndPoll{a.user, gone});
    bench.tell(EndPoll{a.user, stays});
    EXPECT_TRUE(bench.is_answered(stays));
    EXPECT_EQ(bench.engine().figures().pollers, 0u);
    EXPECT_EQ(bench.engine().figures().online, 1u);
    bench.clock().advance(Millis{30'000});
    bench.engine().tick();
    EXPECT_EQ(bench.engine().figures().online, 0u);
}

TEST(Sync, a_poll_that_comes_after_its_device_was_signed_out_does_not_wait) {
    EngineBench bench;
    const auto a = bench.sign_up("a");
    bench.get<Done>(CloseSession{a, a.device});
    EXPECT_EQ(bench.error(Sync{.actor = a, .cursor = Cursor{0}, .limit = 100, .wait = Millis{25'000}}), Code::unauthenticated);
}

TEST(Groups, a_page_of_the_list_ends_when_its_messages_are_large) {
    Limits limits;
    limits.page_bytes = 1'000;
    EngineBench bench(limits);
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    std::vector<ConversationId> made, listed, exported;
    for (int i = 0; i < 5; ++i) {
        made.insert(made.begin(), bench.group(a, {b.user}));
        bench.send(b, made.front(), "1", std::string(700, 'x'));
    }
    std::size_t pages = 0;
    for (std::optional<std::uint64_t> next; pages == 0 || next; ++pages) {
        const auto page = bench.get<ConversationPage>(ListConversations{a, 100, next});
        for (const auto& each : page.conversations) listed.push_back(each.conversation.id);
        next = page.next;
    }
    EXPECT_EQ(listed, made);
    EXPECT_EQ(pages, 3u);
    pages = 0;
    for (std::optional<ExportPlace> next; pages == 0 || next; ++pages) {
        const auto page = bench.get<ExportPage>(Export{a, 100, next});
        for (const auto& each : page.conversations) exported.push_back(each.conversation.id);
        next = page.next;
    }
    std::ranges::sort(made);
    EXPECT_EQ(exported, made);
    EXPECT_GE(pages, 3u);
}

TEST(Groups, who_has_come_and_gone_very_often_stays_away) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.group(a, {b.user});
    const PutMember add{a, id, b.user, std::nullopt, std::nullopt};
    for (std::size_t stay = 1; stay < kStaysMax; ++stay) {
        bench.get<Done>(RemoveMember{b, id, b.user});
        bench.get<MemberView>(add);
    }
    bench.get<Done>(RemoveMember{b, id, b.user});
    EXPECT_EQ(bench.error(add), Code::forbidden);
}

TEST(Groups, who_leaves_gets_his_leaving_and_nothing_newer_and_who_comes_back_goes_on) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    const auto id = bench.group(a, {b.user, c.user});
    bench.send(a, id, "1", "one");
    bench.get<Done>(RemoveMember{b, id, b.user});
    bench.send(a, id, "2", "two");
    EXPECT_EQ(texts_of(bench.sync(b)), (std::vector<std::string>{"one"}));
    EXPECT_EQ(bench.sync(b).back().entry->type, EntryType::member_left);
    EXPECT_EQ(bench.error(History{.actor = b, .conversation = id, .before = {}, .after = {}, .around = {}}), Code::not_a_member);
    EXPECT_TRUE(bench.get<ConversationPage>(ListConversations{.actor = b, .before = {}}).conversations.empty());
    bench.get<MemberView>(PutMember{.actor = c, .conversation = id, .user = b.user, .role = {}, .muted_until = {}});
    bench.send(a, id, "3", "three");
    EXPECT_EQ(texts_of(bench.sync(b)), (std::vector<std::string>{"one", "three"}));
    expect_contiguous(bench.sync(b));
    EXPECT_EQ(bench.get<HistoryPage>(History{.actor = b, .conversation = id, .before = {}, .after = {}, .around = {}}).messages.size(), 1u);
    EXPECT_EQ(bench.get<HistoryPage>(History{.actor = c, .conversation = id, .before = {}, .after = {}, .around = {}}).messages.size(), 3u);
}

TEST(Directs, of_several_who_ask_at_once_one_has_made_it) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    bench.restart();  // cold: all wait until both are loaded
    const std::array asked{bench.post(CreateDirect{a, b.user}), bench.post(CreateDirect{b, a.user}), bench.post(CreateDirect{a, b.user})};
    bench.run();
    int made = 0;
    for (const auto each : asked) made += std::get<ConversationView>(*bench.answer(each)).created ? 1 : 0;
    EXPECT_EQ(made, 1);
    EXPECT_FALSE(bench.get<ConversationView>(CreateDirect{a, b.user}).created);
}

TEST(Groups, are_made_once_per_client_id_and_never_larger_than_the_limit) {
    Limits limits;
    limits.group_members = 3;
    EngineBench bench(limits);
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c"), d = bench.sign_up("d");
    const CreateGroup create{.actor = a, .slot = 7, .title = "g", .members = {b.user}, .client_id = "k"};
    const auto one = bench.post(create), two = bench.post(create);
    bench.run();
    const auto id = std::get<ConversationView>(*bench.answer(one)).conversation.id;
    EXPECT_EQ(std::get<ConversationView>(*bench.answer(two)).conversation.id, id);
    bench.restart();
    EXPECT_EQ(bench.get<ConversationView>(create).conversation.id, id);
    const auto add = [&](const Actor& who) {
        return bench.post(PutMember{.actor = a, .conversation = id, .user = who.user, .role = {}, .muted_until = {}});
    };
    const auto third = add(c), fourth = add(d);
    bench.run();
    EXPECT_EQ(bench.answer(third).has_value() + bench.answer(fourth).has_value(), 1);
    EXPECT_EQ(bench.error(CreateGroup{.actor = a, .slot = 1, .title = "g", .members = {b.user, c.user, d.user}, .client_id = {}}),
              Code::group_full);
    EXPECT_EQ(bench.error(CreateGroup{.actor = a, .slot = 1, .title = "g", .members = {UserId{4242}}, .client_id = {}}), Code::not_found);
}

TEST(FanOut, of_a_large_group_goes_in_chunks_and_leaves_no_journal_row) {
    Limits limits;
    limits.group_commit_rows = 50;
    EngineBench bench(limits);
    const auto owner = bench.sign_up("owner");
    std::vector<Actor> members;
    std::vector<UserId> ids;
    for (int i = 0; i < 30; ++i) ids.push_back(members.emplace_back(bench.sign_up("m" + std::to_string(i))).user);
    bench.rows_of_turns().clear();
    const auto id = bench.group(owner, ids);
    bench.send(owner, id, "1", "x");
    ASSERT_GT(bench.rows_of_turns().size(), 15u);  // 32 entries for 31 members
    EXPECT_EQ(bench.store().rows(Table::journal), 0u);
    EXPECT_TRUE(bench.engine().is_idle());
    for (const auto& member : members) {
        const auto events = bench.sync(member);
        EXPECT_EQ(events.size(), 33u);
        expect_contiguous(events);
    }
}

TEST(FanOut, reaches_cold_inboxes_and_is_taken_up_again_after_a_crash) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    bench.restart();
    // The turn that stores the message finds both inboxes cold; the process dies right after its append.
    bench.post(Send{.actor = a, .conversation = id, .peer = {}, .client_id = "1", .text = "x"});
    auto turn = bench.engine().end_turn();
    for (const auto& job : turn.jobs) bench.engine().on_loaded(load(bench.store(), Limits{}, 0, 1, job));
    turn = bench.engine().end_turn();
    ASSERT_EQ(bench.store().append(turn.batch), Outcome::durable);
    EXPECT_EQ(bench.store().rows(Table::journal), 1u);
    bench.restart();
    EXPECT_EQ(bench.store().rows(Table::journal), 0u);
    EXPECT_EQ(texts_of(bench.sync(b)), (std::vector<std::string>{"x"}));
    EXPECT_EQ(texts_of(bench.sync(a)), (std::vector<std::string>{"x"}));
}

TEST(Memory, cold_state_is_dropped_and_loaded_again) {
    Limits limits;
    limits.users_in_memory = 10;
    limits.conversations_in_memory = 10;
    EngineBench bench(limits);
    std::vector<Actor> users;
    std::vector<ConversationId> pairs;
    for (int i = 0; i < 100; ++i) users.push_back(bench.sign_up("u" + std::to_string(i)));
    for (std::size_t i = 0; i < 100; i += 2) pairs.push_back(bench.direct(users[i], users[i + 1]));
    for (int round = 0; round < 3; ++round)
        for (std::size_t i = 0; i < pairs.size(); ++i) bench.send(users[2 * i], pairs[i], std::to_string(round), std::to_string(round));
    EXPECT_LE(bench.engine().figures().users, 12u);
    EXPECT_LE(bench.engine().figures().conversations, 12u);
    for (std::size_t i = 1; i < users.size(); i += 2) {
        const auto events = bench.sync(users[i]);
        EXPECT_EQ(texts_of(events), (std::vector<std::string>{"0", "1", "2"}));
        expect_contiguous(events);
    }
}

TEST(Ids, of_messages_rise_over_a_restart_with_a_clock_that_went_back) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b"), c = bench.sign_up("c");
    const auto first = bench.send(a, bench.direct(a, b), "1", "x").entry->message.id;
    bench.clock().set_wall(bench.clock().now() - Millis{3'600'000});
    bench.restart();
    const auto elsewhere = bench.send(a, bench.direct(a, c), "1", "x").entry->message.id;
    EXPECT_GT(elsewhere, first);
}

TEST(Checkpoint, a_long_inbox_loads_from_it_and_agrees) {
    EngineBench bench;
    const auto a = bench.sign_up("a"), b = bench.sign_up("b");
    const auto id = bench.direct(a, b);
    for (int i = 0; i < 600; ++i) bench.send(a, id, std::to_string(i), std::to_string(i));
    EXPECT_EQ(bench.store().rows(Table::user_conversation), 4u);
    bench.restart();
    bench.send(a, id, "last", "last");
    EXPECT_EQ(texts_of(bench.sync(b, Cursor{600})), (std::vector<std::string>{"597", "598", "599", "last"}));
}

}  // namespace
}  // namespace madang
