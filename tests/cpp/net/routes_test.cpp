// Every route once, its errors as problem documents, and who may call it.
#include "net/routes.hpp"

#include <gtest/gtest.h>

#include "client.hpp"
#include "fake_core.hpp"

namespace madang::net::test {
namespace {

struct Routes : testing::Test {
    FakeServer server;
    Client client{server.port()};
    std::string token = token_of(kUser);

    void expect_problem(const Answer& answer, int status, std::string_view code) {
        EXPECT_EQ(answer.status, status) << answer.body;
        EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
        EXPECT_EQ(answer.json()["status"], status);
        EXPECT_EQ(answer.json()["code"], code);
        EXPECT_TRUE(answer.json().contains("title"));
        EXPECT_TRUE(answer.json().contains("detail"));
        EXPECT_TRUE(answer.json().contains("type"));
    }
    void fail_all(Code code, std::chrono::milliseconds retry_after = 0ms) {
        server.core().set_answers([=](const Request& request) -> std::optional<Result<Response>> {
            if (std::holds_alternative<Authenticate>(request)) return usual_answer(request);
            return fail(code, "because", retry_after);
        });
    }
};

TEST(Access, calls_for_operators_are_for_accounts_with_that_server_role) {
    Authenticated who{{kUser, kDevice}, "minsu", Time::max(), false};
    EXPECT_TRUE(permits(Access::user, who));
    ASSERT_FALSE(permits(Access::operators, who));
    EXPECT_EQ(permits(Access::operators, who).error().code, Code::forbidden);
    who.is_operator = true;
    EXPECT_TRUE(permits(Access::operators, who));
}

TEST_F(Routes, a_new_password_is_taken_only_with_the_old_one) {
    const auto put = [&](const std::string& body) { return client.request("PUT", "/v1/users/me/password", token, body); };
    expect_problem(put(R"({"old_password":"wrong","new_password":"long enough"})"), 403, "forbidden");
    expect_problem(put(R"({"old_password":"right","new_password":"short"})"), 400, "bad_request");
    EXPECT_EQ(put(R"({"old_password":"right","new_password":"long enough"})").status, 204);
    const auto request = server.core().wait_for<ChangePassword>();
    EXPECT_EQ(request.old_hash, "right");
    EXPECT_EQ(request.new_hash, "hash of long enough");
}

TEST_F(Routes, an_account_is_deleted_and_exported) {
    EXPECT_EQ(client.request("DELETE", "/v1/users/me", token).status, 204);
    EXPECT_EQ(server.core().wait_for<DeleteAccount>().actor.user, kUser);
    const auto first = client.request("GET", "/v1/users/me/export?limit=3", token);
    EXPECT_EQ(first.json()["user"]["username"], "minsu");
    EXPECT_EQ(first.json()["messages"][0]["text"], "mine");
    EXPECT_FALSE(first.json().contains("friends"));
    const auto second = client.request("GET", "/v1/users/me/export?next=" + first.json()["next"].get<std::string>(), token);
    EXPECT_FALSE(second.json().contains("user"));
    expect_problem(client.request("GET", "/v1/users/me/export?next=friends-x", token), 400, "bad_request");
}

TEST_F(Routes, the_audit_is_for_operators) {
    const auto get = [&] { return client.request("GET", "/v1/admin/audit?username=minsu", token); };
    expect_problem(get(), 403, "forbidden");
    server.core().set_answers([](const Request& request) -> std::optional<Result<Response>> {
        if (const auto* with = std::get_if<Authenticate>(&request))
            return Authenticated{{with->user, with->device}, "minsu", Time::max(), true};
        return usual_answer(request);
    });
    const auto audit = get().json();
    EXPECT_EQ(audit["user"]["username"], "minsu");
    EXPECT_EQ(audit["differences"][0]["what"], "unread");
    EXPECT_EQ(audit["differences"][0]["counted"], 4);
    EXPECT_EQ(audit["next"], "77");
}

TEST_F(Routes, sign_up_hashes_the_password_and_answers_the_user) {
    const auto answer = client.request("POST", "/v1/users", "", R"({"username":"minsu","password":"long enough","display_name":"M"})");
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.field("Content-Type"), "application/json");
    EXPECT_EQ(answer.json()["username"], "minsu");
    EXPECT_EQ(answer.json()["settings"], nlohmann::json::object());
    const auto request = server.core().wait_for<SignUp>();
    EXPECT_EQ(request.password_hash, "hash of long enough");
    EXPECT_EQ(request.display_name, "M");
    EXPECT_EQ(request.origin, "password");
}

TEST_F(Routes, sign_up_refuses_before_hashing) {
    expect_problem(client.request("POST", "/v1/users", "", R"({"username":"a b","password":"long enough"})"), 400, "bad_request");
    expect_problem(client.request("POST", "/v1/users", "", R"({"username":"a","password":"short"})"), 400, "bad_request");
    expect_problem(client.request("POST", "/v1/users", "", "not json"), 400, "bad_request");
    expect_problem(client.request("POST", "/v1/users"), 400, "bad_request");
    EXPECT_EQ(server.core().count<SignUp>(), 0u);
}

TEST_F(Routes, a_taken_name_is_409) {
    fail_all(Code::username_taken);
    expect_problem(client.request("POST", "/v1/users", "", R"({"username":"a","password":"long enough"})"), 409, "username_taken");
}

TEST_F(Routes, log_in_answers_a_token_that_opens_the_session) {
    const auto answer =
        client.request("POST", "/v1/sessions", "", R"({"username":"minsu","password":"right","device":{"name":"F","platform":"web"}})");
    ASSERT_EQ(answer.status, 201) << answer.body;
    const auto session = answer.json();
    EXPECT_EQ(session["device_id"], "3");
    EXPECT_EQ(session["cursor"], 12);
    EXPECT_EQ(session["user"]["id"], to_string(kUser));
    EXPECT_EQ(session["servers"][0]["url"], "http://chat.example:1");
    const auto opened = server.core().wait_for<OpenSession>();
    EXPECT_EQ(opened.device_name, "F");
    const auto parsed = parse_token(session["token"].get<std::string>());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->user, kUser);
    EXPECT_EQ(parsed->device, kDevice);
    EXPECT_TRUE(equal(parsed->secret_hash(), opened.secret_hash));

    EXPECT_EQ(client.request("GET", "/v1/users/me", session["token"].get<std::string>()).status, 200);
    EXPECT_TRUE(equal(server.core().wait_for<Authenticate>().secret_hash, opened.secret_hash));
}

TEST_F(Routes, two_log_ins_have_different_secrets) {
    const std::string body = R"({"username":"minsu","password":"right"})";
    EXPECT_NE(client.request("POST", "/v1/sessions", "", body).json()["token"],
              client.request("POST", "/v1/sessions", "", body).json()["token"]);
}

TEST_F(Routes, a_wrong_password_and_an_unknown_name_get_the_same_answer) {
    const auto wrong = client.request("POST", "/v1/sessions", "", R"({"username":"minsu","password":"wrong"})");
    expect_problem(wrong, 401, "unauthenticated");
    fail_all(Code::not_found);
    EXPECT_EQ(client.request("POST", "/v1/sessions", "", R"({"username":"nobody","password":"wrong"})").body, wrong.body);
    EXPECT_EQ(client.request("POST", "/v1/sessions", "", R"({"username":"no body","password":"wrong"})").body, wrong.body);
    // An empty password "verifies" against the empty hash of the fake: an unknown user must be refused all the same.
    EXPECT_EQ(client.request("POST", "/v1/sessions", "", R"({"username":"nobody","password":""})").body, wrong.body);
    EXPECT_EQ(server.core().count<OpenSession>(), 0u);
}

TEST_F(Routes, log_out_and_the_list_of_sessions) {
    const auto list = client.request("GET", "/v1/sessions", token);
    EXPECT_EQ(list.json()["sessions"][0]["device_id"], "3");
    EXPECT_EQ(list.json()["sessions"][0]["current"], true);
    EXPECT_EQ(client.request("DELETE", "/v1/sessions/current", token).status, 204);
    EXPECT_EQ(server.core().wait_for<CloseSession>().device, kDevice);
    EXPECT_EQ(client.request("DELETE", "/v1/sessions/8", token).status, 204);
    EXPECT_EQ(server.core().wait_for<CloseSession>(2).device, DeviceId{8});
    expect_problem(client.request("DELETE", "/v1/sessions/x", token), 404, "not_found");
}

TEST_F(Routes, users) {
    EXPECT_TRUE(client.request("GET", "/v1/users/me", token).json().contains("settings"));
    EXPECT_TRUE(client.request("GET", "/v1/users/" + to_string(kUser), token).json().contains("settings"));
    const auto other = client.request("GET", "/v1/users/5", token);
    EXPECT_EQ(other.json()["id"], "5");
    EXPECT_FALSE(other.json().contains("settings"));
    EXPECT_EQ(other.body.find("right"), std::string::npos) << "the hash got out";
    const auto patched = client.request("PATCH", "/v1/users/me", token, R"({"settings":{"a":1}})");
    EXPECT_EQ(patched.json()["settings"]["a"], 1);
    EXPECT_FALSE(server.core().wait_for<UpdateAccount>().display_name);
    for (const auto* path : {"/v1/users/0", "/v1/users/abc", "/v1/users/99999999999999999999999"})
        expect_problem(client.request("GET", path, token), 404, "not_found");
}

TEST_F(Routes, finding_users_by_name_answers_a_list_of_at_most_one) {
    const auto found = client.request("GET", "/v1/users?username=%EB%AF%BC%EC%88%98", token);
    EXPECT_EQ(found.json()["users"].size(), 1u);
    EXPECT_EQ(found.json()["users"][0].size(), 4u);
    EXPECT_EQ(server.core().wait_for<FindAccount>().username, "민수");
    EXPECT_EQ(client.request("GET", "/v1/users?username=a%20b", token).json()["users"].size(), 0u);
    expect_problem(client.request("GET", "/v1/users", token), 400, "bad_request");
    expect_problem(client.request("GET", "/v1/users?username=%zz", token), 400, "bad_request");
    fail_all(Code::not_found);
    EXPECT_EQ(client.request("GET", "/v1/users?username=nobody", token).json()["users"].size(), 0u);
}

TEST_F(Routes, conversations) {
    EXPECT_EQ(client.request("POST", "/v1/conversations", token, R"({"kind":"direct","user_id":"9"})").status, 201);
    EXPECT_EQ(server.core().wait_for<CreateDirect>().peer, UserId{9});
    const auto group =
        client.request("POST", "/v1/conversations", token, R"({"kind":"group","title":"t","members":["9"],"client_id":"c"})");
    EXPECT_EQ(group.status, 201);
    EXPECT_EQ(group.json()["my_role"], "owner");
    EXPECT_EQ(group.json()["read_seq"], 3) << "what is the caller's own comes from the caller's engine";
    const auto created = server.core().wait_for<CreateGroup>();
    EXPECT_EQ(created.members, std::vector{UserId{9}});
    EXPECT_LT(created.slot, kSlots);
    expect_problem(client.request("POST", "/v1/conversations", token, R"({"kind":"room","title":"t"})"), 400, "bad_request");

    EXPECT_EQ(client.request("GET", "/v1/conversations/77", token).status, 200);
    EXPECT_EQ(server.core().wait_for<GetConversation>().conversation, ConversationId{77});
    EXPECT_EQ(client.request("PATCH", "/v1/conversations/77", token, R"({"title":"new"})").status, 200);
    EXPECT_EQ(server.core().wait_for<UpdateConversation>().title, "new");
    expect_problem(client.request("GET", "/v1/conversations/x", token), 404, "not_found");
}

TEST_F(Routes, a_read_answers_the_marker_and_what_is_left) {
    const auto read = client.request("PUT", "/v1/conversations/77/read", token, R"({"seq":12})");
    EXPECT_EQ(read.body, R"({"seq":12,"unread":2,"unread_mentions":1})");
    EXPECT_EQ(server.core().wait_for<MarkRead>().conversation, ConversationId{77});
    for (const auto* body : {"{}", R"({"seq":"1"})", R"({"seq":-1})", R"({"seq":1.5})", "[]", ""})
        expect_problem(client.request("PUT", "/v1/conversations/77/read", token, body), 400, "bad_request");
}

TEST_F(Routes, the_conversation_list_is_paged) {
    server.core().set_answers([](const Request& request) -> std::optional<Result<Response>> {
        if (std::holds_alternative<ListConversations>(request)) return ConversationPage{{}, 41, 5};
        return usual_answer(request);
    });
    const auto page = client.request("GET", "/v1/conversations?limit=7", token);
    EXPECT_EQ(page.json()["conversations"].size(), 0u);
    EXPECT_EQ(page.json()["unread_total"], 5);
    const auto first = server.core().wait_for<ListConversations>();
    EXPECT_EQ(first.limit, 7u);
    EXPECT_FALSE(first.before);
    client.request("GET", "/v1/conversations?limit=1000&next=" + page.json()["next"].get<std::string>(), token);
    const auto second = server.core().wait_for<ListConversations>(2);
    EXPECT_EQ(second.limit, 100u);
    EXPECT_EQ(second.before, 41u);
    for (const auto* query : {"limit=0", "limit=x", "limit=-1", "next=x"})
        expect_problem(client.request("GET", "/v1/conversations?" + std::string(query), token), 400, "bad_request");
}

TEST_F(Routes, members) {
    const auto list = client.request("GET", "/v1/conversations/77/members?next=4", token);
    EXPECT_EQ(list.json()["members"][0]["user"]["id"], "5");
    EXPECT_EQ(list.json()["members"][0]["read_seq"], 3);
    EXPECT_EQ(list.json()["members"][0]["delivered_seq"], 4);
    EXPECT_EQ(list.json()["next"], "5");
    EXPECT_EQ(server.core().wait_for<ListMembers>().after, UserId{4});
    EXPECT_EQ(client.request("PUT", "/v1/conversations/77/members/9", token).json()["user"]["id"], "9");
    EXPECT_FALSE(server.core().wait_for<PutMember>().role);
    EXPECT_EQ(client.request("PUT", "/v1/conversations/77/members/9", token, R"({"role":"admin"})").status, 200);
    EXPECT_EQ(server.core().wait_for<PutMember>(2).role, Role::admin);
    EXPECT_EQ(client.request("DELETE", "/v1/conversations/77/members/9", token).status, 204);
    EXPECT_EQ(server.core().wait_for<RemoveMember>().user, UserId{9});
    expect_problem(client.request("PUT", "/v1/conversations/77/members/x", token), 404, "not_found");
}

TEST_F(Routes, bans) {
    const auto list = client.request("GET", "/v1/conversations/77/bans?next=4&limit=2", token);
    EXPECT_EQ(list.json()["bans"][0]["user"]["id"], "5");
    EXPECT_EQ(list.json()["next"], "5");
    EXPECT_EQ(server.core().wait_for<ListBans>().after, UserId{4});
    EXPECT_EQ(client.request("PUT", "/v1/conversations/77/bans/9", token).json()["user"]["id"], "9");
    EXPECT_EQ(client.request("DELETE", "/v1/conversations/77/bans/9", token).status, 204);
    EXPECT_EQ(server.core().wait_for<RemoveBan>().user, UserId{9});
    expect_problem(client.request("PUT", "/v1/conversations/77/bans/x", token), 404, "not_found");
}

TEST_F(Routes, invites_are_named_by_codes_that_hold_their_conversation) {
    const auto made = client.request("POST", "/v1/conversations/77/invites", token, R"({"max_uses":2})");
    EXPECT_EQ(made.status, 201);
    const auto request = server.core().wait_for<CreateInvite>();
    EXPECT_EQ(request.max_uses, 2u);
    EXPECT_NE(request.secret, InviteSecret{});
    const auto code = made.json()["code"].get<std::string>();
    EXPECT_EQ(client.request("POST", "/v1/invites/accept", token, R"({"code":")" + code + "\"}").status, 200);
    const auto accepted = server.core().wait_for<AcceptInvite>();
    EXPECT_EQ(accepted.conversation, ConversationId{77});
    EXPECT_EQ(accepted.secret, request.secret);
    const auto list = client.request("GET", "/v1/conversations/77/invites?next=" + code, token);
    EXPECT_EQ(list.json()["next"], list.json()["invites"][0]["code"]);
    EXPECT_EQ(server.core().wait_for<ListInvites>().after, request.secret);
    expect_problem(client.request("GET", "/v1/conversations/77/invites?next=5", token), 400, "bad_request");
    EXPECT_EQ(client.request("DELETE", "/v1/conversations/77/invites/" + code, token).status, 204);
    EXPECT_EQ(server.core().wait_for<RevokeInvite>().secret, request.secret);
    EXPECT_EQ(client.request("DELETE", "/v1/conversations/78/invites/" + code, token).status, 204);
    EXPECT_EQ(server.core().wait_for<RevokeInvite>(2).secret, InviteSecret{});  // no code of that conversation
    expect_problem(client.request("POST", "/v1/invites/accept", token, R"({"code":"x"})"), 404, "not_found");
}

TEST_F(Routes, a_message_is_201_and_its_repeat_200) {
    const std::string body = R"({"client_id":"c-1","text":"안녕"})";
    const auto sent = client.request("POST", "/v1/conversations/77/messages", token, body);
    EXPECT_EQ(sent.status, 201);
    EXPECT_EQ(sent.json()["text"], "안녕");
    const auto request = server.core().wait_for<Send>();
    EXPECT_EQ(request.client_id, "c-1");
    EXPECT_EQ(request.conversation, ConversationId{77});
    EXPECT_FALSE(request.peer);
    server.core().set_answers([](const Request& asked) -> std::optional<Result<Response>> {
        if (const auto* send = std::get_if<Send>(&asked)) return Sent{message_entry(Seq{5}, send->text), true};
        return usual_answer(asked);
    });
    EXPECT_EQ(client.request("POST", "/v1/conversations/77/messages", token, body).status, 200);
}

TEST_F(Routes, history) {
    const auto page = client.request("GET", "/v1/conversations/77/messages?around=5&limit=2", token).json();
    EXPECT_EQ(page["messages"][0]["seq"], 5);
    EXPECT_EQ(page["has_more_before"], true);
    EXPECT_EQ(page["has_more_after"], false);
    const auto request = server.core().wait_for<History>();
    EXPECT_EQ(request.around, Seq{5});
    EXPECT_EQ(request.limit, 2u);
    EXPECT_FALSE(request.before || request.after);
    expect_problem(client.request("GET", "/v1/conversations/77/messages?before=5&after=5", token), 400, "bad_request");
    expect_problem(client.request("GET", "/v1/conversations/77/messages?before=x", token), 400, "bad_request");
}

TEST_F(Routes, sync_polls_and_waits) {
    EXPECT_EQ(client.request("GET", "/v1/sync?cursor=4", token).body, R"({"events":[],"cursor":4,"more":false})");
    EXPECT_EQ(server.core().wait_for<Sync>().wait, 0ms);
    client.request("GET", "/v1/sync?cursor=0&wait=25s&limit=10", token);
    EXPECT_EQ(server.core().wait_for<Sync>(2).wait, 25s);
    client.request("GET", "/v1/sync?cursor=0&wait=99999999999m", token);
    EXPECT_EQ(server.core().wait_for<Sync>(3).wait, Limits{}.long_poll_max);
    for (const auto* query : {"", "cursor=x", "cursor=1&wait=25", "cursor=1&wait=s", "cursor=1&wait=1h", "cursor=-1"})
        expect_problem(client.request("GET", "/v1/sync?" + std::string(query), token), 400, "bad_request");
}

TEST_F(Routes, a_cursor_that_cant_be_served_is_409_with_reason_and_cursor) {
    server.core().set_answers([](const Request& request) -> std::optional<Result<Response>> {
        if (std::holds_alternative<Sync>(request)) return ResyncRequired{ResyncReason::trimmed, Cursor{40}};
        return usual_answer(request);
    });
    const auto answer = client.request("GET", "/v1/sync?cursor=4", token);
    expect_problem(answer, 409, "resync_required");
    EXPECT_EQ(answer.json()["reason"], "trimmed");
    EXPECT_EQ(answer.json()["cursor"], 40);
}

TEST_F(Routes, servers_are_listed_for_a_region_also_before_log_in) {
    const auto list = client.request("GET", "/v1/servers?region=kr").json();
    EXPECT_EQ(list["servers"][0]["region"], "kr");
    EXPECT_EQ(list["servers"][0]["load"], 0.25);
}

TEST_F(Routes, what_operators_ask) {
    EXPECT_EQ(client.request("GET", "/healthz").status, 200);
    EXPECT_EQ(client.request("GET", "/metrics").body, "madang_up 1\n");
    EXPECT_EQ(client.request("GET", "/readyz").status, 200);
    server.core().is_ready_ = false;
    expect_problem(client.request("GET", "/readyz"), 503, "unavailable");
    EXPECT_EQ(client.request("GET", "/healthz").status, 200);
}

TEST_F(Routes, unknown_paths_are_404_with_and_without_a_token) {
    for (const auto* path : {"/", "/v1", "/v1/", "/v1/nothing", "/v1/users/me/", "/v1/users/5/6", "/v2/users", "/healthz/x", "//healthz"}) {
        expect_problem(client.request("GET", path, token), 404, "not_found");
        expect_problem(client.request("GET", path), 404, "not_found");
    }
}

TEST_F(Routes, another_method_is_405_and_says_which_are_allowed) {
    const auto answer = client.request("PUT", "/v1/conversations/77", token);
    expect_problem(answer, 405, "bad_request");
    EXPECT_EQ(answer.field("Allow"), "GET, PATCH");
    EXPECT_EQ(client.request("DELETE", "/v1/users").field("Allow"), "POST, GET");
}

TEST_F(Routes, without_a_good_token_every_other_call_is_401) {
    const std::pair<const char*, const char*> calls[] = {{"GET", "/v1/sessions"},
                                                         {"DELETE", "/v1/sessions/current"},
                                                         {"DELETE", "/v1/sessions/3"},
                                                         {"GET", "/v1/users?username=a"},
                                                         {"GET", "/v1/users/me"},
                                                         {"PATCH", "/v1/users/me"},
                                                         {"GET", "/v1/users/5"},
                                                         {"POST", "/v1/conversations"},
                                                         {"GET", "/v1/conversations"},
                                                         {"GET", "/v1/conversations/77"},
                                                         {"PATCH", "/v1/conversations/77"},
                                                         {"GET", "/v1/conversations/77/members"},
                                                         {"PUT", "/v1/conversations/77/members/9"},
                                                         {"DELETE", "/v1/conversations/77/members/9"},
                                                         {"POST", "/v1/conversations/77/messages"},
                                                         {"GET", "/v1/conversations/77/messages"},
                                                         {"GET", "/v1/sync?cursor=1"},
                                                         {"GET", "/v1/connect"}};
    for (const auto& [method, path] : calls) {
        const auto none = client.request(method, path);
        expect_problem(none, 401, "unauthenticated");
        EXPECT_EQ(none.field("WWW-Authenticate"), "Bearer");
        expect_problem(client.request(method, path, "nonsense"), 401, "unauthenticated");
    }
    EXPECT_EQ(server.core().count<Authenticate>(), 0u) << "a token that is none was looked up";
    fail_all(Code::unauthenticated);
    server.core().set_answers([](const Request&) -> std::optional<Result<Response>> { return fail(Code::unauthenticated, "revoked"); });
    for (const auto& [method, path] : calls) expect_problem(client.request(method, path, token), 401, "unauthenticated");
}

TEST_F(Routes, errors_of_the_core_become_problem_documents) {
    for (int i = 0; i < kCodes; ++i) {
        const auto code = static_cast<Code>(i);
        fail_all(code, code == Code::rate_limited ? 1'200ms : 0ms);
        const auto answer = client.request("POST", "/v1/conversations/77/messages", token, R"({"client_id":"c","text":"t"})");
        expect_problem(answer, http_status_of(code), name_of(code));
        if (code != Code::rate_limited) continue;
        EXPECT_EQ(answer.json()["retry_after_ms"], 1'200);
        EXPECT_EQ(answer.field("Retry-After"), "2");
    }
}

TEST(routes, sends_over_the_users_rate_are_429) {
    Limits limits;
    limits.loopback_exempt = false;
    limits.sends_per_second = 2;
    FakeServer server{limits};
    Client client{server.port()};
    const auto send = [&](UserId user) {
        return client.request("POST", "/v1/conversations/77/messages", token_of(user), R"({"client_id":"c","text":"t"})");
    };
    EXPECT_EQ(send(kUser).status, 201);
    EXPECT_EQ(send(kUser).status, 201);
    auto third = send(kUser);
    for (int i = 0; i < 20 && third.status == 201; ++i) third = send(kUser);  // a slow machine may have refilled the bucket
    EXPECT_EQ(third.status, 429);
    EXPECT_GT(third.json()["retry_after_ms"], 0);
    EXPECT_EQ(send(UserId{4'096 * 8}).status, 201) << "another user is limited too";
}

}  // namespace
}  // namespace madang::net::test
