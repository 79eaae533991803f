// Conversations and their members.
#include <utility>

#include "base/random.hpp"
#include "net/routes.hpp"
#include "wire/admission.hpp"
#include "wire/bodies.hpp"
#include "wire/objects.hpp"

namespace madang::net {

void append_view(std::string& out, const ConversationView& view) {
    wire::append_conversation(out, {.conversation = view.conversation,
                                    .head_seq = view.head_seq,
                                    .my_role = view.my_role,
                                    .last_message = view.last_message.get(),
                                    .peer = view.peer ? &*view.peer : nullptr,
                                    .own = view.own ? &*view.own : nullptr});
}

namespace {

// The conversation's engine has changed it; what is the caller's own comes from the caller's engine.
void answer_whole(Call& call, ConversationId id, int status) {
    call.ask<ConversationView>(GetConversation{call.actor(), id}, [status](Call& asked, const ConversationView& whole) {
        std::string json;
        append_view(json, whole);
        asked.answer(status, std::move(json));
    });
}

void answer_view(Call& call, const ConversationView& view) {
    if (!view.own) return answer_whole(call, view.conversation.id, view.created ? 201 : 200);
    std::string json;
    append_view(json, view);
    call.answer(200, std::move(json));
}

Slot random_slot() { return static_cast<Slot>(SecureRandom{}.next() % kSlots); }

}  // namespace

void create_conversation(Call& call) {
    auto body = wire::parse_conversation(call.request().body, call.limits());
    if (!body) return call.refuse(body.error());
    if (const auto* direct = std::get_if<wire::DirectBody>(&*body)) {
        call.ask<ConversationView>(CreateDirect{call.actor(), direct->user}, answer_view);
        return;
    }
    auto& group = std::get<wire::GroupBody>(*body);
    call.ask<ConversationView>(
        CreateGroup{call.actor(), random_slot(), std::move(group.title), std::move(group.members), std::move(group.client_id)},
        answer_view);
}

void list_conversations(Call& call) {
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    const auto next = call.query().number("next");
    if (!next) return call.refuse(next.error());
    ListConversations request{call.actor(), *limit, {}};
    request.before = *next;
    call.ask<ConversationPage>(request, [](Call& asked, const ConversationPage& page) {
        std::string json;
        wire::append_list(json, "conversations", page.conversations, page.next ? std::to_string(*page.next) : "", append_view,
                          R"(,"unread_total":)" + std::to_string(page.unread_total));
        asked.answer(200, std::move(json));
    });
}

void get_conversation(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    call.ask<ConversationView>(GetConversation{call.actor(), *conversation}, answer_view);
}

void update_conversation(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    auto patch = wire::parse_conversation_patch(call.request().body, call.limits());
    if (!patch) return call.refuse(patch.error());
    call.ask<ConversationView>(
        UpdateConversation{call.actor(), *conversation, std::move(patch->title), patch->history, patch->invite, patch->mention_all},
        answer_view);
}

void list_members(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    const auto next = call.query().number("next");
    if (!next) return call.refuse(next.error());
    ListMembers request{call.actor(), *conversation, *limit, {}};
    if (*next) request.after = UserId{**next};
    call.ask<MemberPage>(request, [](Call& asked, const MemberPage& page) {
        std::string json;
        wire::append_list(json, "members", page.members, page.next ? to_string(*page.next) : "",
                          [now = asked.core().clock().now()](std::string& out, const MemberView& view) {
                              wire::append_member(out, view.member, now, &view.receipt);
                          });
        asked.answer(200, std::move(json));
    });
}

void put_member(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    const auto user = call.path_id<UserId>(1);
    if (!user) return call.refuse(user.error());
    const auto body = wire::parse_member(call.request().body);
    if (!body) return call.refuse(body.error());
    call.ask<MemberView>(PutMember{call.actor(), *conversation, *user, body->role, body->muted_until},
                         [](Call& asked, const MemberView& view) {
                             std::string json;
                             wire::append_member(json, view.member, asked.core().clock().now(), &view.receipt);
                             asked.answer(200, std::move(json));
                         });
}

void remove_member(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    const auto user = call.path_id<UserId>(1);
    if (!user) return call.refuse(user.error());
    call.ask<Done>(RemoveMember{call.actor(), *conversation, *user}, [](Call& asked, Done) { asked.answer_nothing(); });
}

// 200, whether it made the caller a member or found one: a repeat can't be told apart.
void accept_invite(Call& call) {
    const auto code = wire::parse_accept(call.request().body);
    if (!code) return call.refuse(code.error());
    call.ask<ConversationView>(AcceptInvite{call.actor(), code->conversation, code->secret},
                               [](Call& asked, const ConversationView& view) { answer_whole(asked, view.conversation.id, 200); });
}

}  // namespace madang::net
