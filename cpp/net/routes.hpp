// Every call of the HTTP interface, in one table: method, path, who may make it, and the function that answers it.
// Thread: the connection's loop.
#pragma once

#include <memory>
#include <string_view>

#include "net/call.hpp"

namespace madang::net {

// Who may make a call.
enum class Access {
    anyone,     // no token is looked at
    user,       // a good token in `Authorization: Bearer …`, else 401. What the user may do there, the engines decide
    operators,  // likewise, of an account with the server role `operator`, else 403 forbidden
    handshake,  // as `user`, but a browser may offer the token as a subprotocol
};
// May somebody who was authenticated make such a call? Errors: forbidden.
Result<> permits(Access access, const Authenticated& who);

using Handler = void (*)(Call& call);

struct Route {
    std::string_view method;
    std::string_view pattern;  // `{…}` stands for one segment
    Access access;
    Handler handler;
};

// Answers the call, now or later: 404 for what is not in the table, 405 with Allow for another method.
void route(const std::shared_ptr<Call>& call);

// ---- by subject: routes_<subject>.cpp -------------------------------------------------------------------------------------------------

void sign_up(Call& call);
void log_in(Call& call);
void log_out(Call& call);
void list_sessions(Call& call);
void revoke_session(Call& call);
void get_me(Call& call);
void update_me(Call& call);
void change_password(Call& call);
void delete_me(Call& call);
void export_me(Call& call);
void audit_user(Call& call);
void get_user(Call& call);
void find_users(Call& call);

void list_friends(Call& call);
void put_friend(Call& call);
void remove_friend(Call& call);
void list_blocks(Call& call);
void put_block(Call& call);
void remove_block(Call& call);

void create_conversation(Call& call);
void list_conversations(Call& call);
void get_conversation(Call& call);
void update_conversation(Call& call);
void list_members(Call& call);
void put_member(Call& call);
void remove_member(Call& call);
void accept_invite(Call& call);

void list_bans(Call& call);
void put_ban(Call& call);
void remove_ban(Call& call);
void create_invite(Call& call);
void list_invites(Call& call);
void revoke_invite(Call& call);

void mark_read(Call& call);
void get_presence(Call& call);
void list_presence(Call& call);
void update_view(Call& call);
// Shared by those who answer with a conversation.
void append_view(std::string& out, const ConversationView& view);

void send_message(Call& call);
void edit_message(Call& call);
void delete_message(Call& call);
void get_history(Call& call);
void list_mentions(Call& call);
void sync(Call& call);

void list_held(Call& call);
void review_held(Call& call);
void put_push(Call& call);
void remove_push(Call& call);
void list_dead_pushes(Call& call);

void list_servers(Call& call);
void connect(Call& call);
void healthz(Call& call);
void readyz(Call& call);
void metrics(Call& call);
void openapi(Call& call);
void asyncapi(Call& call);

}  // namespace madang::net
