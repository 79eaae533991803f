#include "net/routes.hpp"

#include <array>
#include <optional>

#include "net/token.hpp"
#include "net/websocket_handshake.hpp"

namespace madang::net {
namespace {

// In order of precedence: of two that fit, the first one.
constexpr std::array kRoutes{
    Route{"GET", "/healthz", Access::anyone, healthz},
    Route{"GET", "/readyz", Access::anyone, readyz},
    Route{"GET", "/metrics", Access::anyone, metrics},
    Route{"GET", "/openapi.json", Access::anyone, openapi},
    Route{"GET", "/asyncapi.json", Access::anyone, asyncapi},

    Route{"POST", "/v1/users", Access::anyone, sign_up},
    Route{"POST", "/v1/sessions", Access::anyone, log_in},
    Route{"GET", "/v1/sessions", Access::user, list_sessions},
    Route{"DELETE", "/v1/sessions/current", Access::user, log_out},
    Route{"DELETE", "/v1/sessions/{device_id}", Access::user, revoke_session},
    Route{"GET", "/v1/users", Access::user, find_users},
    Route{"GET", "/v1/users/me", Access::user, get_me},
    Route{"PATCH", "/v1/users/me", Access::user, update_me},
    Route{"DELETE", "/v1/users/me", Access::user, delete_me},
    Route{"PUT", "/v1/users/me/password", Access::user, change_password},
    Route{"GET", "/v1/users/me/export", Access::user, export_me},
    Route{"GET", "/v1/users/{id}", Access::user, get_user},

    Route{"GET", "/v1/friends", Access::user, list_friends},
    Route{"PUT", "/v1/friends/{user_id}", Access::user, put_friend},
    Route{"DELETE", "/v1/friends/{user_id}", Access::user, remove_friend},
    Route{"GET", "/v1/blocks", Access::user, list_blocks},
    Route{"PUT", "/v1/blocks/{user_id}", Access::user, put_block},
    Route{"DELETE", "/v1/blocks/{user_id}", Access::user, remove_block},

    Route{"POST", "/v1/conversations", Access::user, create_conversation},
    Route{"GET", "/v1/conversations", Access::user, list_conversations},
    Route{"GET", "/v1/conversations/{id}", Access::user, get_conversation},
    Route{"PATCH", "/v1/conversations/{id}", Access::user, update_conversation},
    Route{"PATCH", "/v1/conversations/{id}/me", Access::user, update_view},
    Route{"PUT", "/v1/conversations/{id}/read", Access::user, mark_read},
    Route{"GET", "/v1/conversations/{id}/presence", Access::user, list_presence},
    Route{"GET", "/v1/presence", Access::user, get_presence},
    Route{"GET", "/v1/conversations/{id}/members", Access::user, list_members},
    Route{"PUT", "/v1/conversations/{id}/members/{user_id}", Access::user, put_member},
    Route{"DELETE", "/v1/conversations/{id}/members/{user_id}", Access::user, remove_member},
    Route{"GET", "/v1/conversations/{id}/bans", Access::user, list_bans},
    Route{"PUT", "/v1/conversations/{id}/bans/{user_id}", Access::user, put_ban},
    Route{"DELETE", "/v1/conversations/{id}/bans/{user_id}", Access::user, remove_ban},
    Route{"POST", "/v1/conversations/{id}/invites", Access::user, create_invite},
    Route{"GET", "/v1/conversations/{id}/invites", Access::user, list_invites},
    Route{"DELETE", "/v1/conversations/{id}/invites/{code}", Access::user, revoke_invite},
    Route{"POST", "/v1/invites/accept", Access::user, accept_invite},

    Route{"POST", "/v1/conversations/{id}/messages", Access::user, send_message},
    Route{"GET", "/v1/conversations/{id}/messages", Access::user, get_history},
    Route{"PATCH", "/v1/conversations/{id}/messages/{seq}", Access::user, edit_message},
    Route{"DELETE", "/v1/conversations/{id}/messages/{seq}", Access::user, delete_message},
    Route{"GET", "/v1/mentions", Access::user, list_mentions},
    Route{"GET", "/v1/sync", Access::user, sync},

    Route{"GET", "/v1/admin/audit", Access::operators, audit_user},
    Route{"GET", "/v1/admin/held", Access::operators, list_held},
    Route{"POST", "/v1/admin/held/{held_id}", Access::operators, review_held},
    Route{"PUT", "/v1/devices/current/push", Access::user, put_push},
    Route{"DELETE", "/v1/devices/current/push", Access::user, remove_push},
    Route{"GET", "/v1/admin/push/dead", Access::operators, list_dead_pushes},

    Route{"GET", "/v1/servers", Access::anyone, list_servers},
    Route{"GET", "/v1/connect", Access::handshake, connect},
};

using Segments = std::vector<std::string>;

// What the `{…}` of the pattern stand for, if the path fits.
std::optional<Segments> match(std::string_view pattern, const Segments& segments) {
    Segments values;
    std::size_t n = 0;
    pattern.remove_prefix(1);
    for (;; ++n) {
        const auto end = pattern.find('/');
        const auto part = pattern.substr(0, end);
        if (n == segments.size()) return std::nullopt;
        if (part.starts_with('{')) {
            if (segments[n].empty()) return std::nullopt;
            values.push_back(segments[n]);
        } else if (part != segments[n]) {
            return std::nullopt;
        }
        if (end == std::string_view::npos) break;
        pattern.remove_prefix(end + 1);
    }
    if (n + 1 != segments.size()) return std::nullopt;
    return values;
}

std::optional<Token> token_of(const Call& call, Access access) {
    const auto text = bearer_of(call.request(), access == Access::handshake);
    return text ? parse_token(*text) : std::nullopt;
}

void authenticate(Call& call, const Route& route) {
    const auto token = token_of(call, route.access);
    if (!token) return call.refuse({Code::unauthenticated, "a token is needed: `Authorization: Bearer …`"});
    call.ask<Authenticated>(Authenticate{token->user, token->device, token->secret_hash()},
                            [&route](Call& asked, const Authenticated& who) {
                                if (const auto may = permits(route.access, who); !may) return asked.refuse(may.error());
                                asked.set_actor(who);
                                route.handler(asked);
                            });
}

// HEAD is GET whose body is left out on the way.
bool takes(const Route& route, std::string_view method) {
    return route.method == method || (method == "HEAD" && route.method == "GET" && route.access != Access::handshake);
}

}  // namespace

Result<> permits(Access access, const Authenticated& who) {
    if (access == Access::operators && !who.is_operator) return fail(Code::forbidden, "only an operator of this server may do this");
    return {};
}

void route(const std::shared_ptr<Call>& call) {
    auto target = parse_target(call->request().target);
    if (!target) return call->refuse({Code::bad_request, "the path is broken"});
    std::string allowed;
    for (const auto& each : kRoutes) {
        auto values = match(each.pattern, target->segments);
        if (!values) continue;
        if (takes(each, call->request().method)) {
            call->set_target(*std::move(values), std::move(target->query));
            return each.access == Access::anyone ? each.handler(*call) : authenticate(*call, each);
        }
        if (!allowed.empty()) allowed += ", ";
        allowed += each.method;
    }
    if (allowed.empty()) return call->refuse({Code::not_found, "there is no such path"});
    call->refuse_as(405, {Code::bad_request, "this path does not take " + call->request().method}, {{"Allow", allowed}});
}

}  // namespace madang::net
