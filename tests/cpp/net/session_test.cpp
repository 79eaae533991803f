// WebSocket sessions over real loopback sockets, with a core that the test plays.
#include <gtest/gtest.h>

#include "client.hpp"
#include "fake_core.hpp"

namespace madang::net::test {
namespace {

Limits small_queue() {
    Limits limits;
    limits.send_queue_bytes = 64 << 10;
    return limits;
}

// A socket that is open on a server of its own.
struct Session : testing::Test {
    explicit Session(Limits limits = {}, int receive_buffer_bytes = 0) : server(limits), client(server.port(), receive_buffer_bytes) {}

    void SetUp() override {
        ASSERT_EQ(client.upgrade(token_of(kUser)).status, 101);
        server.core().wait_for<Connect>();
    }
    void on_sink(const std::function<void(SessionSink&)>& job) {
        server.core().on_loop([&] { job(server.core().sink()); });
    }
    void expect_close(int code) {
        for (auto frame = client.read_frame();; frame = client.read_frame()) {
            if (frame.opcode == 1 || frame.opcode == 9 || frame.opcode == 10) continue;
            EXPECT_EQ(frame.opcode, 8);
            EXPECT_EQ(frame.close_code(), code) << frame.payload;
            break;
        }
        EXPECT_EQ(client.read_frame().opcode, 0) << "something came after the close frame";
    }
    Frame ask(std::string_view json) {
        client.send_text(json);
        return client.read_frame();
    }

    FakeServer server;
    Client client;
};

struct SessionWithSmallQueue : Session {
    SessionWithSmallQueue() : Session(small_queue(), 4'096) {}
};

Limits short_silence() {
    Limits limits;
    limits.offline_after = 400ms;
    return limits;
}
struct SessionWithShortSilence : Session {
    SessionWithShortSilence() : Session(short_silence()) {}
};

// ---- handshake ----------------------------------------------------------------------------------------------------------------------

TEST(handshake, answers_as_rfc_6455_says) {
    FakeServer server;
    Client client{server.port()};
    const auto answer = client.upgrade(token_of(kUser));
    EXPECT_EQ(answer.status, 101);
    EXPECT_EQ(answer.field("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    EXPECT_EQ(answer.field("Sec-WebSocket-Protocol"), "");
    EXPECT_EQ(answer.field("Content-Length"), "");
    const auto connect = server.core().wait_for<Connect>();
    EXPECT_EQ(connect.actor.user, kUser);
    EXPECT_EQ(connect.actor.device, kDevice);
}

TEST(handshake, a_browser_offers_its_token_as_a_subprotocol) {
    FakeServer server;
    Client client{server.port()};
    const auto answer = client.upgrade("", "Sec-WebSocket-Protocol: madang.v1, bearer." + token_of(kUser) + "\r\n");
    EXPECT_EQ(answer.status, 101);
    EXPECT_EQ(answer.field("Sec-WebSocket-Protocol"), "madang.v1");
}

TEST(handshake, a_bad_token_is_401_before_the_upgrade) {
    FakeServer server;
    Client client{server.port()};
    EXPECT_EQ(client.upgrade("").status, 401);
    EXPECT_EQ(client.upgrade("nonsense").status, 401);
    EXPECT_EQ(client.upgrade("", "Sec-WebSocket-Protocol: madang.v1, bearer.x\r\n").status, 401);
    server.core().set_answers([](const Request&) -> std::optional<Result<Response>> { return fail(Code::unauthenticated, "revoked"); });
    EXPECT_EQ(client.upgrade(token_of(kUser)).json()["code"], "unauthenticated");
}

TEST(handshake, a_token_in_the_address_is_no_token) {
    FakeServer server;
    Client client{server.port()};
    EXPECT_EQ(client.request("GET", "/v1/connect?token=" + token_of(kUser)).status, 401);
}

TEST(handshake, what_is_no_handshake_is_426) {
    FakeServer server;
    Client client{server.port()};
    const auto plain = client.request("GET", "/v1/connect", token_of(kUser));
    EXPECT_EQ(plain.status, 426);
    EXPECT_EQ(plain.field("Sec-WebSocket-Version"), "13");
    const std::string good = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    EXPECT_EQ(client.request("GET", "/v1/connect", token_of(kUser), "", good).status, 426) << "no key";
    EXPECT_EQ(
        client
            .request(
                "GET", "/v1/connect", token_of(kUser), "",
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
            .status,
        426);
    EXPECT_EQ(client.upgrade(token_of(kUser), "Sec-WebSocket-Protocol: chat\r\n").status, 426);
}

TEST(handshake, a_foreign_page_is_refused_and_ours_and_the_allowed_are_not) {
    ListenOptions options;
    options.origins = {"https://app.example"};
    FakeServer server{{}, options};
    const auto status_of = [&](const std::string& origin) {
        return Client{server.port()}.upgrade(token_of(kUser), "Origin: " + origin + "\r\n").status;
    };
    EXPECT_EQ(status_of("https://evil.example"), 403);
    EXPECT_EQ(status_of("null"), 403);
    EXPECT_EQ(status_of("https://app.example.evil.example"), 403);
    EXPECT_EQ(status_of("https://app.example"), 101);
    EXPECT_EQ(status_of("http://chat.example"), 101) << "the host that the request names";
}

TEST(handshake, frames_behind_the_request_are_not_lost) {
    FakeServer server;
    Client client{server.port()};
    client.send(
        "GET /v1/connect HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
        "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer " +
        token_of(kUser) + "\r\n\r\n");
    client.send_text(R"({"op":"ping"})");
    EXPECT_EQ(client.read_answer().status, 101);
    EXPECT_EQ(client.read_frame().payload, R"({"op":"pong"})");
}

TEST(handshake, the_socket_moves_to_the_loop_of_its_users_engine) {
    FakeServer server{{}, {}, 3};
    for (std::uint64_t slot = 0; slot < 6; ++slot) {
        const UserId user{4'096 * 7 + slot};
        auto& owner = server.core(owner_of(slot_of(user), 3));
        const auto before = owner.open_sessions();
        Client client{server.port()};
        EXPECT_EQ(client.upgrade(token_of(user)).status, 101);
        client.send_text(R"({"op":"ping"})");
        EXPECT_EQ(client.read_frame().payload, R"({"op":"pong"})");
        EXPECT_EQ(owner.open_sessions(), before + 1);
        EXPECT_EQ(owner.wait_for<Connect>(slot / 3 + 1).actor.user, user);
        client.end_sending();
        EXPECT_TRUE(eventually([&] { return owner.open_sessions() == before; }));
    }
}

TEST(handshake, loops_without_an_engine_only_take_connections) {
    ListenOptions options;
    options.engines = 1;
    FakeServer server{{}, options, 3};
    for (std::uint64_t i = 0; i < 4; ++i) {
        Client client{server.port()};
        EXPECT_EQ(client.upgrade(token_of(UserId{4'096 * 7 + i})).status, 101);
        EXPECT_EQ(server.core(0).wait_for<Connect>(i + 1).actor.user.value, 4'096 * 7 + i);
    }
    EXPECT_EQ(server.core(1).count<Connect>() + server.core(2).count<Connect>(), 0u);
    EXPECT_GT(server.core(1).count<Authenticate>(), 0u) << "all connections went to one loop";
}

// ---- operations ---------------------------------------------------------------------------------------------------------------------

TEST_F(Session, ping_is_answered) {
    EXPECT_EQ(ask(R"({"op":"ping"})").payload, R"({"op":"pong"})");
    EXPECT_EQ(ask(R"({"op":"ping","ref":"r"})").payload, R"({"op":"pong","ref":"r"})");
    client.send_frame(9, "hi");
    const auto pong = client.read_frame();
    EXPECT_EQ(pong.opcode, 10);
    EXPECT_EQ(pong.payload, "hi");
}

TEST_F(Session, a_send_is_replied_to_with_its_message) {
    const auto reply = ask(R"({"op":"send","ref":1,"conversation_id":"77","client_id":"c-1","text":"안녕"})").json();
    EXPECT_EQ(reply["op"], "reply");
    EXPECT_EQ(reply["ref"], 1);
    EXPECT_EQ(reply["message"]["text"], "안녕");
    const auto request = server.core().wait_for<Send>();
    EXPECT_EQ(request.actor.user, kUser);
    EXPECT_EQ(request.client_id, "c-1");
}

TEST_F(Session, a_refused_send_is_replied_to_with_its_error) {
    server.core().set_answers([](const Request&) -> std::optional<Result<Response>> { return fail(Code::storage_full, "no room", 5s); });
    const auto reply = ask(R"({"op":"send","ref":"x","conversation_id":"77","client_id":"c","text":"t"})").json();
    EXPECT_EQ(reply["ref"], "x");
    EXPECT_EQ(reply["error"]["code"], "storage_full");
    EXPECT_EQ(reply["error"]["retry_after_ms"], 5'000);
}

TEST_F(Session, wrong_members_are_an_error_reply_and_the_connection_lives) {
    EXPECT_EQ(ask(R"({"op":"send","ref":1})").json()["error"]["code"], "bad_request");
    EXPECT_EQ(ask(R"({"op":"edit","ref":2})").json()["error"]["code"], "bad_request");
    client.send_text(R"({"op":"typing"})");
    client.send_text(R"({"op":"ack","cursor":"x"})");
    EXPECT_EQ(ask(R"({"op":"ping"})").payload, R"({"op":"pong"})") << "what bears no ref was answered";
}

TEST_F(Session, an_ack_is_replied_to_only_when_it_bears_a_ref) {
    client.send_text(R"({"op":"ack","cursor":5})");
    EXPECT_EQ(ask(R"({"op":"ack","ref":9,"cursor":6})").payload, R"({"op":"reply","ref":9})");
    EXPECT_EQ(server.core().wait_for<Acknowledge>(2).cursor, Cursor{6});
}

TEST_F(Session, replies_may_come_in_another_order) {
    server.core().set_answers([](const Request& request) -> std::optional<Result<Response>> {
        if (const auto* send = std::get_if<Send>(&request); send && send->text == "slow") return std::nullopt;
        return usual_answer(request);
    });
    client.send_text(R"({"op":"send","ref":1,"conversation_id":"77","client_id":"a","text":"slow"})");
    EXPECT_EQ(ask(R"({"op":"send","ref":2,"conversation_id":"77","client_id":"b","text":"fast"})").json()["ref"], 2);
    server.core().release(usual_answer);
    EXPECT_EQ(client.read_frame().json()["ref"], 1);
}

TEST_F(Session, a_client_with_too_many_requests_open_is_not_read_until_some_are_answered) {
    server.core().set_answers([](const Request& request) -> std::optional<Result<Response>> {
        if (std::holds_alternative<Send>(request)) return std::nullopt;
        return usual_answer(request);
    });
    // Far more than what one read takes of them beyond the limit of 256.
    const std::string text(10'000, 'x');
    std::size_t sent = 0;
    std::thread sender{[&] {
        for (; sent < 2'000; ++sent) client.send_text(R"({"op":"send","conversation_id":"77","client_id":"c","text":")" + text + "\"}");
    }};
    server.core().wait_for<Send>(256);
    std::size_t answered = 0;
    bool is_bounded = true;
    while (answered < 2'000 && eventually([&] { return server.core().held() > 0; })) {
        const auto released = server.core().release([](const Request&) -> Result<Response> { return fail(Code::unavailable, "later"); });
        is_bounded = is_bounded && released <= 256u + 64u;
        for (std::size_t i = 0; i < released; ++i) EXPECT_EQ(client.read_frame().opcode, 1);
        answered += released;
    }
    EXPECT_EQ(answered, 2'000u);
    EXPECT_TRUE(is_bounded);
    sender.join();
}

TEST_F(Session, sends_over_the_rate_are_refused_with_a_hint) {
    Limits limits;
    limits.loopback_exempt = false;
    limits.sends_per_second = 1;
    FakeServer limited{limits};
    Client sender{limited.port()};
    ASSERT_EQ(sender.upgrade(token_of(kUser)).status, 101);
    for (int i = 0; i < 10; ++i) sender.send_text(R"({"op":"send","ref":1,"conversation_id":"77","client_id":"c","text":"t"})");
    bool was_refused = false;
    for (int i = 0; i < 10; ++i) {
        const auto reply = sender.read_frame().json();
        if (!reply.contains("error")) continue;
        was_refused = true;
        EXPECT_EQ(reply["error"]["code"], "rate_limited");
        EXPECT_GT(reply["error"]["retry_after_ms"], 0);
    }
    EXPECT_TRUE(was_refused);
}

// ---- events -------------------------------------------------------------------------------------------------------------------------

TEST_F(Session, attach_is_answered_and_events_follow_in_order) {
    client.send_text(R"({"op":"attach","cursor":4,"ref":"a"})");
    EXPECT_EQ(server.core().wait_for<Attach>().cursor, Cursor{4});
    on_sink([](SessionSink& sink) {
        sink.on_attached(Cursor{4});
        sink.on_event(Cursor{5}, Role::member, message_entry(Seq{1}, "one"));
        sink.on_event(Cursor{6}, Role::member, message_entry(Seq{2}, "two"));
    });
    EXPECT_EQ(client.read_frame().payload, R"({"op":"attached","ref":"a","cursor":4})");
    const auto events = client.read_frame().json();
    EXPECT_EQ(events["op"], "events");
    ASSERT_EQ(events["events"].size(), 2u) << "events of one turn share a frame";
    EXPECT_EQ(events["events"][0]["cursor"], 5);
    EXPECT_EQ(events["events"][0]["message"]["text"], "one");
    EXPECT_EQ(events["events"][1]["cursor"], 6);
}

TEST_F(Session, a_reply_between_events_keeps_its_place) {
    on_sink([](SessionSink& sink) {
        sink.on_event(Cursor{1}, Role::member, message_entry(Seq{1}, "one"));
        sink.on_resync({ResyncReason::ahead, Cursor{1}});
        sink.on_event(Cursor{2}, Role::member, message_entry(Seq{2}, "two"));
    });
    EXPECT_EQ(client.read_frame().json()["events"][0]["cursor"], 1);
    EXPECT_EQ(client.read_frame().payload, R"({"op":"resync","reason":"ahead","cursor":1})");
    EXPECT_EQ(client.read_frame().json()["events"][0]["cursor"], 2);
}

TEST_F(Session, attaches_are_served_one_after_the_other) {
    for (int i = 1; i <= 3; ++i) client.send_text(R"({"op":"attach","cursor":)" + std::to_string(i) + "}");
    EXPECT_EQ(ask(R"({"op":"ping"})").payload, R"({"op":"pong"})");
    EXPECT_EQ(server.core().count<Attach>(), 1u);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(server.core().wait_for<Attach>(i).cursor, Cursor{i});
        on_sink([&](SessionSink& sink) { sink.on_attached(Cursor{i}); });
        EXPECT_EQ(client.read_frame().json()["cursor"], i);
    }
}

TEST_F(Session, a_page_is_followed_by_drained_once_it_has_left) {
    on_sink([](SessionSink& sink) {
        const std::vector<Event> page{{Cursor{1}, Role::member, message_entry(Seq{1}, "one")},
                                      {Cursor{2}, Role::member, message_entry(Seq{2}, "two")}};
        sink.on_page(page);
    });
    EXPECT_EQ(client.read_frame().json()["events"].size(), 2u);
    EXPECT_EQ(server.core().wait_for<Drained>().user, kUser);
}

TEST_F(SessionWithSmallQueue, catch_up_waits_for_a_reader_who_is_slow_and_never_ends_in_4002) {
    const std::string text(100'000, 'p');
    const auto give_page = [&](std::uint64_t first) {
        on_sink([&](SessionSink& sink) {
            std::vector<Event> page;
            for (std::uint64_t i = 0; i < 10; ++i) page.push_back({Cursor{first + i}, Role::member, message_entry(Seq{1}, text)});
            sink.on_page(page);
        });
    };
    // Fill what the kernel takes, so that a page stays behind.
    std::uint64_t given = 0;
    std::size_t drained = 0;
    for (;;) {
        give_page(given + 1);
        given += 10;
        on_sink([](SessionSink&) {});  // the turn of the page has ended
        if (server.core().count<Drained>() == drained) break;
        ++drained;
        ASSERT_LT(given, 10'000u) << "the kernel takes everything";
    }
    // Live events behind the page are kept within the queue's limit.
    on_sink([&](SessionSink& sink) { sink.on_event(Cursor{given + 1}, Role::member, message_entry(Seq{2}, "live")); });
    std::uint64_t last = 0;
    while (last < given + 1) {
        const auto frame = client.read_frame();
        ASSERT_EQ(frame.opcode, 1) << frame.payload;
        ASSERT_LT(frame.payload.size(), 1u << 20) << "many clients take no message over 1 MiB";
        const auto json = frame.json();
        for (const auto& event : json["events"]) {
            ASSERT_EQ(event["cursor"], last + 1);
            ++last;
        }
    }
    EXPECT_EQ(server.core().wait_for<Drained>(drained + 1).user, kUser);
    EXPECT_EQ(server.listener().figures().slow_consumers, 0u);
}

TEST_F(SessionWithSmallQueue, a_slow_reader_is_closed_with_4002_at_the_limit) {
    const auto entry = message_entry(Seq{1}, std::string(10'000, 's'));
    std::uint64_t cursor = 0;
    while (server.listener().figures().slow_consumers == 0) {
        on_sink([&](SessionSink& sink) { sink.on_event(Cursor{++cursor}, Role::member, entry); });
        ASSERT_LT(cursor, 10'000u) << "the kernel takes everything";
    }
    EXPECT_EQ(server.core().wait_for<Detach>().user, kUser);
    // What was queued before the limit arrives whole and in order, then the close.
    std::uint64_t last = 0;
    for (auto frame = client.read_frame();; frame = client.read_frame()) {
        if (frame.opcode == 8) {
            EXPECT_EQ(frame.close_code(), 4002);
            break;
        }
        ASSERT_EQ(frame.opcode, 1);
        const auto json = frame.json();
        for (const auto& event : json["events"]) {
            ASSERT_EQ(event["cursor"], last + 1);
            ++last;
        }
    }
    EXPECT_GT(last, 0u);
    EXPECT_LT(last, cursor);
    EXPECT_EQ(client.read_frame().opcode, 0);
}

TEST_F(SessionWithSmallQueue, one_event_larger_than_the_queue_still_goes_out) {
    const std::string text(1'000'000, 'b');
    on_sink([&](SessionSink& sink) { sink.on_event(Cursor{1}, Role::member, message_entry(Seq{1}, text)); });
    EXPECT_EQ(client.read_frame().json()["events"][0]["message"]["text"], text);
    on_sink([&](SessionSink& sink) { sink.on_event(Cursor{2}, Role::member, message_entry(Seq{2}, text)); });
    EXPECT_EQ(client.read_frame().json()["events"][0]["cursor"], 2);
    EXPECT_EQ(server.listener().figures().slow_consumers, 0u);
}

TEST_F(Session, many_events_of_one_turn_do_not_make_a_reader_slow) {
    // Beyond the queue's limit within one turn, but within what the socket takes.
    const auto entry = message_entry(Seq{1}, std::string(100'000, 'm'));
    on_sink([&](SessionSink& sink) {
        for (std::uint64_t i = 1; i <= 8; ++i) sink.on_event(Cursor{i}, Role::member, entry);
    });
    std::uint64_t last = 0;
    while (last < 8) {
        const auto json = client.read_frame().json();
        for (const auto& event : json["events"]) EXPECT_EQ(event["cursor"], ++last);
    }
}

// ---- the end ------------------------------------------------------------------------------------------------------------------------

TEST_F(Session, bad_frames_are_closed_with_4004) {
    for (const std::string_view bad : {"", "[]", "null", "{", R"({"op":"dance"})", R"({"ref":1})"}) {
        Client other{server.port()};
        ASSERT_EQ(other.upgrade(token_of(kUser)).status, 101);
        other.send_text(bad);
        EXPECT_EQ(other.read_frame().close_code(), 4004) << bad;
        EXPECT_EQ(other.read_frame().opcode, 0);
    }
    client.send_text(std::string(100'000, '['));
    expect_close(4004);
}

TEST_F(Session, binary_frames_are_closed_with_4004) {
    client.send_frame(2, "x");
    expect_close(4004);
}

TEST_F(Session, malformed_utf8_is_closed_with_1007) {
    client.send_text("{\"op\":\"\xff\"}");
    expect_close(1007);
}

TEST_F(Session, a_protocol_error_is_closed_with_1002) {
    client.send_frame(3, "");
    expect_close(1002);
}

TEST_F(Session, a_message_too_big_is_closed_with_1009_though_the_client_goes_on) {
    client.send_text(std::string((2 << 20) + 1, ' '));
    expect_close(1009);
}

TEST_F(Session, a_close_frame_is_answered_in_kind) {
    client.send_frame(8,
                      "\x03\xe8"
                      "bye");
    expect_close(1000);
    client.end_sending();
    EXPECT_TRUE(eventually([&] { return server.core().open_sessions() == 0; }));
    EXPECT_EQ(server.core().count<Detach>(), 1u);
}

TEST_F(Session, frames_behind_a_close_frame_do_nothing) {
    client.send_frame(8, "");
    client.send_text(R"({"op":"ack","cursor":1})");
    expect_close(1000);
    EXPECT_EQ(server.core().count<Acknowledge>(), 0u);
}

TEST_F(Session, a_client_that_just_goes_is_detached) {
    client.end_sending();
    EXPECT_TRUE(eventually([&] { return server.core().open_sessions() == 0; }));
    EXPECT_EQ(server.core().count<Detach>(), 1u);
    EXPECT_EQ(server.listener().figures().websockets, 0u);
}

TEST_F(Session, the_engine_closes_a_revoked_session_with_4003) {
    on_sink([](SessionSink& sink) {
        sink.on_event(Cursor{1}, Role::member, message_entry(Seq{1}, "last words"));
        sink.on_close(CloseCode::session_revoked);
        sink.on_event(Cursor{2}, Role::member, message_entry(Seq{2}, "too late"));
    });
    EXPECT_EQ(client.read_frame().json()["events"][0]["cursor"], 1);
    EXPECT_EQ(client.read_frame().close_code(), 4003);
    EXPECT_EQ(client.read_frame().opcode, 0);
}

TEST_F(Session, the_engine_closes_an_expired_one_with_4001) {
    on_sink([](SessionSink& sink) { sink.on_close(CloseCode::unauthenticated); });
    expect_close(4001);
}

TEST_F(Session, a_reply_to_a_client_that_left_is_dropped) {
    server.core().set_answers([](const Request&) -> std::optional<Result<Response>> { return std::nullopt; });
    client.send_text(R"({"op":"send","ref":1,"conversation_id":"77","client_id":"a","text":"t"})");
    server.core().wait_for<Send>();
    client.end_sending();
    EXPECT_TRUE(eventually([&] { return server.core().open_sessions() == 0; }));
    server.core().release(usual_answer);
}

TEST_F(SessionWithShortSilence, a_silent_client_is_pinged_and_then_closed_with_4008) {
    EXPECT_EQ(client.read_frame().opcode, 9);
    expect_close(4008);
    EXPECT_EQ(server.listener().figures().heartbeats_lost, 1u);
}

TEST_F(SessionWithShortSilence, who_answers_pings_stays) {
    for (int i = 0; i < 4; ++i) {  // twice as long as silence is borne
        const auto ping = client.read_frame();
        ASSERT_EQ(ping.opcode, 9);
        client.send_frame(10, ping.payload);
    }
    EXPECT_EQ(ask(R"({"op":"ping"})").payload, R"({"op":"pong"})");
}

TEST_F(Session, drain_says_goaway_and_closes_with_1012) {
    server.listener().drain(100ms);
    const auto goaway = client.read_frame().json();
    EXPECT_EQ(goaway["op"], "goaway");
    EXPECT_GE(goaway["after_ms"], 0);
    EXPECT_EQ(ask(R"({"op":"ping"})").payload, R"({"op":"pong"})") << "it serves until the grace has ended";
    expect_close(1012);
    client.end_sending();
    EXPECT_TRUE(eventually([&] { return server.listener().figures().websockets == 0; }));
}

TEST_F(Session, drain_answers_what_was_accepted_before_it_closes) {
    Client idle{server.port()};
    server.core().set_answers([](const Request& request) -> std::optional<Result<Response>> {
        if (std::holds_alternative<Send>(request)) return std::nullopt;
        return usual_answer(request);
    });
    ASSERT_EQ(idle.upgrade(token_of(kUser)).status, 101);
    client.send_text(R"({"op":"send","ref":1,"conversation_id":"77","client_id":"a","text":"accepted"})");
    server.core().wait_for<Send>();
    server.listener().drain(50ms);
    EXPECT_EQ(client.read_frame().json()["op"], "goaway");
    for (auto frame = idle.read_frame(); frame.close_code() != 1012; frame = idle.read_frame())
        ASSERT_EQ(frame.opcode, 1) << "it ended before the grace did";
    server.core().release(usual_answer);
    EXPECT_EQ(client.read_frame().json()["message"]["text"], "accepted");
    expect_close(1012);
}

TEST(session, one_that_opens_while_the_server_drains_is_told_to_go) {
    FakeServer server;
    server.core().set_answers([](const Request&) -> std::optional<Result<Response>> { return std::nullopt; });
    Client client{server.port()};
    client.send(
        "GET /v1/connect HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer " +
        token_of(kUser) + "\r\n\r\n");
    server.core().wait_for<Authenticate>();
    server.listener().drain();
    server.core().release(usual_answer);
    EXPECT_EQ(client.read_answer().status, 101);
    EXPECT_EQ(client.read_frame().json()["op"], "goaway");
    EXPECT_EQ(client.read_frame().close_code(), 1012);
}

TEST(session, a_token_that_expires_closes_the_socket_with_4001) {
    FakeServer server;
    server.core().set_answers([&](const Request& request) -> std::optional<Result<Response>> {
        if (const auto* asked = std::get_if<Authenticate>(&request))
            return Authenticated{{asked->user, asked->device}, "minsu", server.core().clock().now() + 200ms, false};
        return usual_answer(request);
    });
    Client client{server.port()};
    ASSERT_EQ(client.upgrade(token_of(kUser)).status, 101);
    EXPECT_EQ(client.read_frame().close_code(), 4001);
}

TEST_F(Session, stop_closes_with_1001) {
    server.listener().stop();
    expect_close(1001);
    EXPECT_TRUE(eventually([&] { return server.core().open_sessions() == 0; }));
}

TEST_F(Session, the_listener_may_go_while_sessions_are_open) {
    server.stop_loops();  // the destructor then finds the session still there
}

}  // namespace
}  // namespace madang::net::test
