// Accounts, log-in and the devices of an account.
#include <utility>

#include "base/random.hpp"
#include "base/text.hpp"
#include "net/routes.hpp"
#include "net/token.hpp"
#include "wire/bodies.hpp"
#include "wire/objects.hpp"

namespace madang::net {
namespace {

void answer_account(Call& call, int status, const Account& account) {
    std::string json;
    wire::append_account(json, account);
    call.answer(status, std::move(json));
}

// The same words for a wrong name and a wrong password.
void refuse_log_in(Call& call) { call.refuse({Code::unauthenticated, "wrong username or password"}); }

void answer_session(Call& call, const SessionOpened& opened, const TokenSecret& secret) {
    const auto addresses = call.core().discovery().servers(call.query().find("region").value_or(""));
    std::vector<wire::ServerObject> servers;
    for (const auto& address : addresses) servers.push_back({address.url, address.region, address.load});
    const auto token = encode_token({opened.account.profile.id, opened.device, secret});
    std::string json;
    wire::append_session(json, {.token = token,
                                .expires_at = opened.expires_at,
                                .user = opened.account,
                                .device_id = opened.device,
                                .cursor = opened.cursor,
                                .servers = servers});
    call.answer(201, std::move(json));
}

// `roles` of a plugin's identity, `verified_hash` of a password.
void open_session(Call& call, UserId user, wire::LogInBody body, std::optional<std::vector<std::string>> roles,
                  std::optional<std::string> verified_hash) {
    TokenSecret secret;
    SecureRandom{}.fill(secret);
    OpenSession request{
        user, std::move(body.device_name), std::move(body.platform), sha256(secret), std::move(roles), std::move(verified_hash)};
    call.ask<SessionOpened>(std::move(request),
                            [secret](Call& asked, const SessionOpened& opened) { answer_session(asked, opened, secret); });
}

// `user` none: there is no such account, but finding that out takes as long as a wrong password.
void verify(const std::shared_ptr<Call>& call, UserId user, const std::string& hash, std::string username, wire::LogInBody body) {
    auto password = std::exchange(body.password, {});
    call->core().verify_password(std::move(password), hash,
                                 [call, user, hash, username = std::move(username), body = std::move(body)](Result<bool> verified) mutable {
                                     if (verified && (!*verified || !user)) return refuse_log_in(*call);
                                     call->give_back_guess(username);
                                     if (!verified) return call->refuse(verified.error());
                                     open_session(*call, user, std::move(body), {}, std::move(hash));
                                 });
}

// What a plugin says of somebody must be fit for an account, or it is the plugin's fault, not the client's.
Error unusable(const std::string& detail) {
    return {Code::plugin_unavailable, "the plugin that authenticates names an impossible account: " + detail, Millis{1'000}};
}

// The account of this identity, made at its first log-in. One of another origin is never opened.
void enter(const std::shared_ptr<Call>& call, Identified who, wire::LogInBody body, bool may_look_again = true) {
    FindAccount find{who.identity.username};
    call->core().submit(
        std::move(find), [call, who = std::move(who), body = std::move(body), may_look_again](Result<Response> found) mutable {
            if (found) {
                const auto& account = std::get<Account>(*found);
                if (account.origin != who.origin)
                    return call->refuse({Code::username_taken, "the username belongs to an account of another kind"});
                return open_session(*call, account.profile.id, std::move(body), std::move(who.identity.roles), {});
            }
            if (found.error().code != Code::not_found) return call->refuse(found.error());
            SignUp request{who.identity.username, who.identity.display_name, {}, who.origin, who.identity.roles};
            call->core().submit(std::move(request),
                                [call, who = std::move(who), body = std::move(body), may_look_again](Result<Response> made) mutable {
                                    if (made) return open_session(*call, std::get<Account>(*made).profile.id, std::move(body), {}, {});
                                    const auto code = made.error().code;
                                    // Another log-in of the same identity was quicker.
                                    if (code == Code::username_taken && may_look_again)
                                        return enter(call, std::move(who), std::move(body), false);
                                    call->refuse(code == Code::bad_request ? unusable(made.error().detail) : made.error());
                                });
        });
}

void log_in_by_plugin(const std::shared_ptr<Call>& call, wire::LogInBody body) {
    auto credentials = std::exchange(body.credentials, {});
    call->core().identify(std::move(credentials), [call, body = std::move(body)](Result<Identified> who) mutable {
        if (!who) return call->refuse(who.error());
        if (const auto folded = fold_username(who->identity.username); !folded) return call->refuse(unusable(folded.error().detail));
        enter(call, *std::move(who), std::move(body));
    });
}

}  // namespace

void sign_up(Call& call) {
    auto body = wire::parse_sign_up(call.request().body, call.limits());
    if (!body) return call.refuse(body.error());
    // The name is looked at before the password is hashed: that is the costly part.
    if (const auto folded = fold_username(body->username); !folded) return call.refuse(folded.error());
    auto password = std::move(body->password);
    SignUp request{.username = std::move(body->username),
                   .display_name = std::move(body->display_name),
                   .password_hash = {},
                   .origin = "password",
                   .roles = {}};
    call.core().hash_password(
        std::move(password), [self = call.shared_from_this(), request = std::move(request)](Result<std::string> hash) mutable {
            if (!hash) return self->refuse(hash.error());
            request.password_hash = *std::move(hash);
            self->ask<Account>(std::move(request), [](Call& asked, const Account& account) { answer_account(asked, 201, account); });
        });
}

void log_in(Call& call) {
    auto body = wire::parse_log_in(call.request().body);
    if (!body) return call.refuse(body.error());
    if (!body->credentials.empty()) return log_in_by_plugin(call.shared_from_this(), *std::move(body));
    auto username = fold_username(body->username);
    if (!username) return verify(call.shared_from_this(), UserId{}, "", {}, *std::move(body));
    if (!call.may_guess(*username)) return;
    FindAccount request{body->username};
    call.core().submit(std::move(request), [self = call.shared_from_this(), username = *std::move(username),
                                            body = *std::move(body)](Result<Response> response) mutable {
        if (!response && response.error().code == Code::not_found) return verify(self, UserId{}, "", std::move(username), std::move(body));
        if (!response) {
            self->give_back_guess(username);
            return self->refuse(response.error());
        }
        const auto& account = std::get<Account>(*response);
        verify(self, account.profile.id, account.password_hash, std::move(username), std::move(body));
    });
}

void log_out(Call& call) {
    call.ask<Done>(CloseSession{call.actor(), call.actor().device}, [](Call& asked, Done) { asked.answer_nothing(); });
}

void list_sessions(Call& call) {
    call.ask<std::vector<Device>>(ListSessions{call.actor()}, [](Call& asked, const std::vector<Device>& devices) {
        std::string json;
        wire::append_list(json, "sessions", devices, "", [&](std::string& out, const Device& device) {
            wire::append_device(out, device, device.id == asked.actor().device);
        });
        asked.answer(200, std::move(json));
    });
}

void revoke_session(Call& call) {
    const auto device = call.path_id<DeviceId>(0);
    if (!device) return call.refuse(device.error());
    call.ask<Done>(CloseSession{call.actor(), *device}, [](Call& asked, Done) { asked.answer_nothing(); });
}

void get_me(Call& call) {
    call.ask<Account>(GetAccount{call.actor().user}, [](Call& asked, const Account& account) { answer_account(asked, 200, account); });
}

void update_me(Call& call) {
    auto patch = wire::parse_account_patch(call.request().body, call.limits());
    if (!patch) return call.refuse(patch.error());
    call.ask<Account>(UpdateAccount{call.actor(), std::move(patch->display_name), std::move(patch->settings)},
                      [](Call& asked, const Account& account) { answer_account(asked, 200, account); });
}

void get_user(Call& call) {
    const auto user = call.path_id<UserId>(0);
    if (!user) return call.refuse(user.error());
    call.ask<Account>(GetAccount{*user}, [](Call& asked, const Account& account) {
        if (account.profile.id == asked.actor().user) return answer_account(asked, 200, account);
        std::string json;
        wire::append_user(json, account.profile);
        asked.answer(200, std::move(json));
    });
}

void find_users(Call& call) {
    const auto answer_users = [](Call& to, const std::vector<Profile>& users) {
        std::string json;
        wire::append_list(json, "users", users, "", [](std::string& out, const Profile& user) { wire::append_user(out, user); });
        to.answer(200, std::move(json));
    };
    const auto username = call.query().find("username");
    if (!username) return call.refuse({Code::bad_request, "parameter `username` is missing"});
    if (!fold_username(*username)) return answer_users(call, {});
    call.core().submit(FindAccount{std::string(*username)}, [self = call.shared_from_this(), answer_users](Result<Response> response) {
        if (!response && response.error().code == Code::not_found) return answer_users(*self, {});
        if (!response) return self->refuse(response.error());
        answer_users(*self, {std::get<Account>(*response).profile});
    });
}

}  // namespace madang::net
