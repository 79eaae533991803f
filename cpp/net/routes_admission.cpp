// Bans and invite links of a group.
#include <utility>

#include "base/random.hpp"
#include "net/routes.hpp"
#include "wire/admission.hpp"
#include "wire/objects.hpp"

namespace madang::net {
namespace {

struct PersonPlace {
    ConversationId conversation;
    UserId user;
};

Result<PersonPlace> person_of(const Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return std::unexpected(conversation.error());
    const auto user = call.path_id<UserId>(1);
    if (!user) return std::unexpected(user.error());
    return PersonPlace{*conversation, *user};
}

}  // namespace

void list_bans(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    const auto next = call.query().number("next");
    if (!next) return call.refuse(next.error());
    ListBans request{call.actor(), *conversation, *limit, {}};
    if (*next) request.after = UserId{**next};
    call.ask<BanPage>(request, [](Call& asked, const BanPage& page) {
        std::string json;
        wire::append_list(json, "bans", page.bans, page.next ? to_string(*page.next) : "", wire::append_ban);
        asked.answer(200, std::move(json));
    });
}

void put_ban(Call& call) {
    const auto place = person_of(call);
    if (!place) return call.refuse(place.error());
    call.ask<Ban>(PutBan{call.actor(), place->conversation, place->user}, [](Call& asked, const Ban& ban) {
        std::string json;
        wire::append_ban(json, ban);
        asked.answer(200, std::move(json));
    });
}

void remove_ban(Call& call) {
    const auto place = person_of(call);
    if (!place) return call.refuse(place.error());
    call.ask<Done>(RemoveBan{call.actor(), place->conversation, place->user}, [](Call& asked, Done) { asked.answer_nothing(); });
}

void create_invite(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    const auto body = wire::parse_invite(call.request().body);
    if (!body) return call.refuse(body.error());
    CreateInvite request{call.actor(), *conversation, {}, body->expires_in, body->max_uses};
    SecureRandom{}.fill(request.secret);
    call.ask<Invite>(request, [id = *conversation](Call& asked, const Invite& invite) {
        std::string json;
        wire::append_invite(json, id, invite);
        asked.answer(201, std::move(json));
    });
}

void list_invites(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    ListInvites request{call.actor(), *conversation, *limit, {}};
    if (const auto next = call.query().find("next")) {
        const auto code = wire::parse_invite_code(*next);
        if (!code) return call.refuse({Code::bad_request, "parameter `next` is none that was given out"});
        request.after = code->secret;
    }
    call.ask<InvitePage>(request, [id = *conversation](Call& asked, const InvitePage& page) {
        std::string json;
        const auto next = page.next ? wire::encode_invite_code({id, *page.next}) : std::string{};
        wire::append_list(json, "invites", page.invites, next,
                          [id](std::string& out, const Invite& invite) { wire::append_invite(out, id, invite); });
        asked.answer(200, std::move(json));
    });
}

void revoke_invite(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    // Of what is no code of this conversation the engine knows nothing, but whether the caller may ask is its to say.
    const auto code = wire::parse_invite_code(call.path_value(1));
    const auto secret = code && code->conversation == *conversation ? code->secret : InviteSecret{};
    call.ask<Done>(RevokeInvite{call.actor(), *conversation, secret}, [](Call& asked, Done) { asked.answer_nothing(); });
}

}  // namespace madang::net
