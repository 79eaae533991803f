// Friends and blocks.
#include "net/routes.hpp"
#include "wire/objects.hpp"

namespace madang::net {
namespace {

void append_friend(std::string& out, const Friendship& friendship) { wire::append_friendship(out, friendship.user, friendship.state); }

void append_blocked(std::string& out, const Friendship& friendship) { wire::append_user(out, friendship.user); }

using AnswerChange = void (*)(Call&, const Friendship&);

void change(Call& call, RelationAct act, AnswerChange answer) {
    const auto user = call.path_id<UserId>(0);
    if (!user) return call.refuse(user.error());
    call.ask<Friendship>(ChangeRelation{call.actor(), *user, act}, answer);
}

void answer_friend(Call& call, const Friendship& friendship) {
    std::string json;
    append_friend(json, friendship);
    call.answer(200, std::move(json));
}

void answer_done(Call& call, const Friendship&) { call.answer_nothing(); }

void list(Call& call, bool blocks) {
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    const auto next = call.query().number("next");
    if (!next) return call.refuse(next.error());
    ListRelations request{.actor = call.actor(), .blocks = blocks, .limit = *limit, .after = {}};
    if (*next) request.after = UserId{**next};
    call.ask<RelationPage>(request, [blocks](Call& asked, const RelationPage& page) {
        std::string json;
        const auto more = page.next ? to_string(*page.next) : "";
        wire::append_list(json, blocks ? "blocks" : "friends", page.people, more, blocks ? append_blocked : append_friend);
        asked.answer(200, std::move(json));
    });
}

}  // namespace

void list_friends(Call& call) { list(call, false); }
void put_friend(Call& call) { change(call, RelationAct::befriend, answer_friend); }
void remove_friend(Call& call) { change(call, RelationAct::unfriend, answer_friend); }
void list_blocks(Call& call) { list(call, true); }
void put_block(Call& call) { change(call, RelationAct::block, answer_done); }
void remove_block(Call& call) { change(call, RelationAct::unblock, answer_done); }

}  // namespace madang::net
