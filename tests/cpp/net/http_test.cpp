// HTTP over real loopback sockets: framing, limits, pipelining and how connections end.
#include <gtest/gtest.h>

#include "client.hpp"
#include "fake_core.hpp"

namespace madang::net::test {
namespace {

Limits short_timeouts() {
    Limits limits;
    limits.handshake_timeout = 200ms;
    return limits;
}

TEST(http, a_connection_takes_one_request_after_the_other) {
    FakeServer server;
    Client client{server.port()};
    for (int i = 0; i < 3; ++i) {
        const auto answer = client.request("GET", "/healthz");
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "ok\n");
        EXPECT_EQ(answer.field("Connection"), "");
    }
    EXPECT_EQ(server.listener().figures().requests, 3u);
    EXPECT_EQ(server.listener().figures().accepted, 1u);
}

TEST(http, pipelined_requests_are_answered_one_at_a_time_and_in_order) {
    FakeServer server;
    server.core().set_answers([](const Request& request) -> std::optional<Result<Response>> {
        if (std::holds_alternative<GetAccount>(request)) return std::nullopt;
        return usual_answer(request);
    });
    Client client{server.port()};
    const auto request = [](std::string_view path) {
        return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token_of(kUser) + "\r\n\r\n";
    };
    client.send(request("/v1/users/100") + request("/v1/users/200") + request("/healthz"));
    server.core().wait_for<GetAccount>();
    EXPECT_EQ(server.core().count<GetAccount>(), 1u) << "the second began before the first was answered";
    server.core().release(usual_answer);
    server.core().wait_for<GetAccount>(2);
    server.core().release(usual_answer);
    EXPECT_EQ(client.read_answer().json()["id"], "100");
    EXPECT_EQ(client.read_answer().json()["id"], "200");
    EXPECT_EQ(client.read_answer().body, "ok\n");
}

TEST(http, a_request_may_come_byte_by_byte) {
    FakeServer server;
    Client client{server.port()};
    for (const char byte : std::string_view(
             "POST /v1/users HTTP/1.1\r\nHost: h\r\nContent-Length: 41\r\n\r\n{\"username\":\"a\",\"password\":\"long enough\"}"))
        client.send({&byte, 1});
    EXPECT_EQ(client.read_answer().status, 201);
}

TEST(http, a_chunked_body_is_taken) {
    FakeServer server;
    Client client{server.port()};
    client.send(
        "POST /v1/users HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"username\":\"a\",\r\n19\r\n\"password\":\"long "
        "enough\"}\r\n0\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 201);
}

TEST(http, a_chunked_body_may_come_byte_by_byte_up_to_its_end) {
    FakeServer server;
    Client client{server.port()};
    for (int i = 0; i < 2; ++i) {
        for (const char byte :
             std::string_view("POST /v1/users HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"username\":\"a\",\r\n"
                              "19\r\n\"password\":\"long enough\"}\r\n0\r\n\r\n"))
            client.send({&byte, 1});
        EXPECT_EQ(client.read_answer().status, 201);
    }
}

TEST(http, who_asks_first_is_told_to_continue) {
    FakeServer server;
    Client client{server.port()};
    client.send("POST /v1/users HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 41\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 100);
    client.send("{\"username\":\"a\",\"password\":\"long enough\"}");
    EXPECT_EQ(client.read_answer().status, 201);
}

TEST(http, what_is_not_http_is_400_and_closed) {
    FakeServer server;
    Client client{server.port()};
    client.send("how do you do\r\n\r\n");
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
    EXPECT_EQ(answer.json()["code"], "bad_request");
    EXPECT_TRUE(client.is_ended());
}

TEST(http, a_header_over_16_kib_is_431) {
    FakeServer server;
    Client client{server.port()};
    client.send("GET /healthz HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 431);
    EXPECT_TRUE(client.is_ended());
}

TEST(http, a_body_over_the_limit_is_413_announced_or_not) {
    Limits limits;
    limits.frame_bytes = 1'000;
    FakeServer server{limits};
    Client announced{server.port()};
    announced.send("POST /v1/users HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
    const auto answer = announced.read_answer();
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.json()["code"], "too_large");
    EXPECT_TRUE(announced.is_ended());

    Client chunked{server.port()};
    chunked.send("POST /v1/users HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string("3e9\r\n") +
                 std::string(1'001, 'x') + "\r\n0\r\n\r\n");
    EXPECT_EQ(chunked.read_answer().status, 413);
}

TEST(http, the_answer_to_a_body_too_large_survives_a_client_that_goes_on_sending) {
    FakeServer server;
    Client client{server.port()};
    client.send("POST /v1/users HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n");
    client.try_send(std::string(4'000'000, 'x'));
    EXPECT_EQ(client.read_answer().status, 413);
}

TEST(http, endless_framing_of_a_chunked_body_is_431) {
    const std::string head = "POST /v1/users HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    FakeServer server;
    for (const std::string beginning : {"1;", "0", "0\r\nX: ", "0\r\nX: y\r\nZ: "}) {
        Client client{server.port()};
        client.send(head + beginning);
        client.try_send(std::string(200'000, '0'));
        EXPECT_EQ(client.read_answer().status, 431) << beginning;
        EXPECT_TRUE(client.is_ended());
    }
}

TEST(http, a_body_whose_end_is_not_to_be_told_is_400_and_closed) {
    FakeServer server;
    for (const std::string coding : {"xchunked", "identity", "chunked, gzip"}) {
        Client client{server.port()};
        client.send("GET /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: " + coding +
                    "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(client.read_answer().status, 400) << coding;
        EXPECT_TRUE(client.is_ended()) << coding;
    }
}

TEST(http, two_mebibytes_are_taken) {
    FakeServer server;
    Client client{server.port()};
    std::string body = R"({"client_id":"c","text":")";
    body += std::string((2 << 20) - body.size() - 2, 'x') + "\"}";
    ASSERT_EQ(body.size(), 2u << 20);
    EXPECT_EQ(client.request("POST", "/v1/conversations/77/messages", token_of(kUser), body).status, 201);
}

TEST(http, half_a_header_is_closed_at_the_deadline) {
    FakeServer server{short_timeouts()};
    Client client{server.port()};
    client.send("GET /healthz HTTP/1.1\r\nHost:");
    EXPECT_TRUE(client.is_ended());
}

TEST(http, half_a_body_is_closed_at_the_deadline) {
    FakeServer server{short_timeouts()};
    Client client{server.port()};
    client.send("POST /v1/users HTTP/1.1\r\nHost: h\r\nContent-Length: 41\r\n\r\n{");
    EXPECT_TRUE(client.is_ended());
}

TEST(http, a_connection_that_says_nothing_is_closed_at_the_deadline) {
    FakeServer server{short_timeouts()};
    Client client{server.port()};
    EXPECT_TRUE(client.is_ended());
}

TEST(http, a_request_that_waits_for_the_core_has_no_deadline) {
    FakeServer server{short_timeouts()};
    server.core().set_answers([](const Request& request) -> std::optional<Result<Response>> {
        if (std::holds_alternative<Sync>(request)) return std::nullopt;
        return usual_answer(request);
    });
    Client poller{server.port()};
    poller.send("GET /v1/sync?cursor=4&wait=25s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token_of(kUser) + "\r\n\r\n");
    server.core().wait_for<Sync>();
    Client silent{server.port()};
    EXPECT_TRUE(silent.is_ended()) << "the deadline of others has passed";
    server.core().release(usual_answer);
    EXPECT_EQ(poller.read_answer().json()["cursor"], 4);
}

TEST(http, connection_close_is_kept) {
    FakeServer server;
    Client client{server.port()};
    const auto answer = client.request("GET", "/healthz", "", "", "Connection: close\r\n");
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(client.is_ended());
}

TEST(http, http_1_0_is_answered_and_closed) {
    FakeServer server;
    Client client{server.port()};
    client.send("GET /healthz HTTP/1.0\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 200);
    EXPECT_TRUE(client.is_ended());
}

TEST(http, who_ends_its_side_still_gets_its_answers) {
    FakeServer server;
    Client client{server.port()};
    client.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\nGET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    client.end_sending();
    EXPECT_EQ(client.read_answer().body, "ok\n");
    EXPECT_EQ(client.read_answer().body, "madang_up 1\n");
    EXPECT_TRUE(client.is_ended());
}

TEST(http, a_client_that_left_is_forgotten_while_its_request_waits) {
    FakeServer server;
    server.core().set_answers([](const Request&) -> std::optional<Result<Response>> { return std::nullopt; });
    {
        Client client{server.port()};
        client.send("GET /v1/users/me HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer " + token_of(kUser) + "\r\n\r\n");
        server.core().wait_for<Authenticate>();
    }
    server.core().release(usual_answer);
    server.core().wait_for<GetAccount>();
    server.core().release(usual_answer);
    EXPECT_TRUE(eventually([&] { return server.listener().figures().http_connections == 0; }));
}

TEST(http, head_is_get_without_the_body) {
    FakeServer server;
    Client client{server.port()};
    const auto answer = client.request("HEAD", "/healthz");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Content-Length"), "3");
    EXPECT_EQ(client.request("GET", "/healthz").body, "ok\n") << "the head's body was sent";
}

TEST(http, many_connections_at_once_are_all_served) {
    FakeServer server{{}, {}, 2};
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<Client>(server.port()));
    for (auto& client : clients) client->send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    for (auto& client : clients) EXPECT_EQ(client->read_answer().status, 200);
    EXPECT_EQ(server.listener().figures().http_connections, 200u);
}

TEST(http, an_allowed_origin_may_read_the_answer) {
    ListenOptions options;
    options.origins = {"https://app.example"};
    FakeServer server{{}, options};
    Client client{server.port()};
    EXPECT_EQ(client.request("GET", "/healthz", "", "", "Origin: https://app.example\r\n").field("Access-Control-Allow-Origin"),
              "https://app.example");
    EXPECT_EQ(client.request("GET", "/healthz", "", "", "Origin: https://evil.example\r\n").field("Access-Control-Allow-Origin"), "");
    EXPECT_EQ(client.request("GET", "/healthz").field("Access-Control-Allow-Origin"), "");
    const auto preflight =
        client.request("OPTIONS", "/v1/users/me", "", "", "Origin: https://app.example\r\nAccess-Control-Request-Method: PATCH\r\n");
    EXPECT_EQ(preflight.status, 204);
    EXPECT_NE(preflight.field("Access-Control-Allow-Methods").find("PATCH"), std::string::npos);
    EXPECT_EQ(client.request("OPTIONS", "/v1/users/me", "", "", "Origin: https://evil.example\r\nAccess-Control-Request-Method: PATCH\r\n")
                  .status,
              405);
}

TEST(http, drain_answers_what_is_under_way_and_closes) {
    FakeServer server;
    server.core().set_answers([](const Request& request) -> std::optional<Result<Response>> {
        if (std::holds_alternative<GetAccount>(request)) return std::nullopt;
        return usual_answer(request);
    });
    Client idle{server.port()};
    idle.request("GET", "/healthz");
    Client busy{server.port()};
    busy.send("GET /v1/users/me HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token_of(kUser) + "\r\n\r\n");
    server.core().wait_for<GetAccount>();
    server.listener().drain();
    EXPECT_TRUE(idle.is_ended());
    server.core().release(usual_answer);
    const auto answer = busy.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(busy.is_ended());
    busy.end_sending();
    EXPECT_TRUE(eventually([&] { return server.listener().figures().http_connections == 0; }));
    EXPECT_THROW(Client{server.port()}, std::runtime_error);
}

TEST(http, stop_closes_everything) {
    FakeServer server;
    Client client{server.port()};
    client.request("GET", "/healthz");
    server.listener().stop();
    EXPECT_TRUE(client.is_ended());
}

TEST(http, a_port_in_use_is_an_error) {
    FakeServer server;
    FakeCore core{Limits{}};
    ListenOptions options;
    options.port = server.port();
    Listener second{{{core.context(), core}}, options};
    const auto port = second.listen();
    ASSERT_FALSE(port);
    EXPECT_EQ(port.error().code, Code::unavailable);
}

}  // namespace
}  // namespace madang::net::test
