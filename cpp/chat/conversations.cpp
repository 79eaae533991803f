// What members do to a conversation besides writing: every change is an entry of its log.
#include "base/mutant.hpp"
#include "base/text.hpp"
#include "chat/engine_state.hpp"
#include "chat/stored.hpp"
#include "store/keys.hpp"

namespace madang {

void Engine::State::put_conversation_row(const ConversationState& conversation) {
    const auto id = conversation.log.id();
    put(Table::conversation, conversation_key(id), conversation.log.conversation(), madang::slot_of(id));
}

void Engine::State::put_member_row(const ConversationState& conversation, UserId user) {
    const auto id = conversation.log.id();
    put(Table::member, member_key(id, user), *conversation.log.find_member(user), madang::slot_of(id));
}

// Reads need no engine: durable rows are published rows. They pass through it only to see what it has just written.
void Engine::State::on(const ReplyTo& from, ListMembers&& request) { effects_.push_back(Read{Query{.to = from, .request = request}}); }
void Engine::State::on(const ReplyTo& from, History&& request) { effects_.push_back(Read{Query{.to = from, .request = request}}); }

void Engine::State::on(const ReplyTo& from, UpdateConversation&& request) {
    if (request.title && code_points(*request.title) > options_.limits.title_chars)
        return refuse(from, {Code::bad_request, "title is longer than " + std::to_string(options_.limits.title_chars) + " characters", {}});
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        if (const auto may = conversation.log.may_update(request.actor.user); !may) return refuse(from, may.error());
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        const auto& now = conversation.log.conversation();
        const auto same = request.title.value_or(now.title) == now.title &&
                          request.history.value_or(now.settings.history) == now.settings.history &&
                          request.invite.value_or(now.settings.invite) == now.settings.invite &&
                          request.mention_all.value_or(now.settings.mention_all) == now.settings.mention_all;
        if (!same) {
            const auto entry = conversation.log.append_updated(request, clock_.now());
            ++figures_.settings_changes;
            put_conversation_row(conversation);
            publish(conversation, entry);
        }
        answer_view(from, conversation, request.actor.user);
    });
}

void Engine::State::answer_view(const ReplyTo& from, const ConversationState& conversation, UserId user, bool created) {
    if (conversation.log.has_shadowed(user))
        return effects_.push_back(Read{Query{.to = from, .request = GetConversation{{user, {}}, conversation.log.id()}}});
    auto view = conversation.log.view_of(user);
    if (view.peer)
        if (auto peer = present_profile(store_, *view.peer)) view.peer = std::move(*peer);
    view.created = created;
    reply(from, std::move(view));
}

void Engine::State::on(const ReplyTo& from, PutMember&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) mutable {
        auto& log = conversation.log;
        const auto actor = request.actor.user;
        const auto now = clock_.now();
        if (request.muted_until && *request.muted_until <= now) request.muted_until = Time{};
        const auto* present = log.find_member(request.user);
        if (!present || !present->present()) return invite(from, std::move(request));
        if (const auto member = log.require_member(actor); !member) return refuse(from, member.error());
        const auto changes_role = request.role && *request.role != present->role;
        const auto muted_until = present->muted_until > now ? present->muted_until : Time{};
        const auto changes_mute = request.muted_until && *request.muted_until != muted_until;
        if (changes_role || changes_mute) {
            if (const auto may = log.may_change(actor, request.user, request.role); !may) return refuse(from, may.error());
            const auto hands_over = request.role == Role::owner;
            if (hands_over && request.muted_until > Time{}) return refuse(from, {Code::bad_request, "an owner can't be muted", {}});
            if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
            const auto change = [&](UserId user, std::optional<Role> role, std::optional<Time> until) {
                const auto entry = log.append_member_updated(user, role, until, actor, now);
                ++figures_.member_changes;
                put_member_row(conversation, user);
                publish(conversation, entry);
            };
            // First: as of no entry there are two owners.
            if (hands_over && !mutant(Mutant::two_owners)) change(actor, Role::admin, std::nullopt);
            change(request.user, request.role, request.muted_until);
        } else if (const auto may = log.may_invite(actor); !may) {
            return refuse(from, may.error());
        }
        reply_member(from, conversation, request.user, actor);
    });
}

// The actor's own copy says whether a receipt may be shown.
void Engine::State::reply_member(const ReplyTo& from, const ConversationState& conversation, UserId user, UserId actor) {
    const auto stored = store_.get(Table::relation, relation_key(actor, user));
    const auto relation = !stored   ? Result<Relation>(std::unexpected(stored.error()))
                          : *stored ? decode_relation(user, **stored)
                                    : Relation{};
    if (!relation) return refuse(from, relation.error());
    MemberView view{*conversation.log.find_member(user), {}};
    if (!relation->is_blocked()) view.receipt = conversation.receipts.of(user);
    reply(from, std::move(view));
}

void Engine::State::invite(const ReplyTo& from, PutMember&& request) {
    const auto check = [this, request](const ConversationState& conversation) -> Result<> {
        const auto& log = conversation.log;
        if (const auto may = log.may_invite(request.actor.user); !may) return may;
        if (request.role.value_or(Role::member) != Role::member || request.muted_until)
            if (const auto may = log.may_change(request.actor.user, request.user, request.role); !may) return may;
        if (conversation.admission.find_ban(request.user)) return fail(Code::forbidden, "this user is banned from the group");
        if (const auto* member = log.find_member(request.user); member && !member->may_come_again())
            return fail(Code::forbidden, "this user has come and gone " + std::to_string(kStaysMax) + " times");
        if (log.conversation().members_count >= options_.limits.group_members)
            return fail(Code::group_full, "the group has " + std::to_string(options_.limits.group_members) + " members");
        return {};
    };
    auto* conversation = conversations_.find(request.conversation);
    if (const auto may = check(*conversation); !may) return refuse(from, may.error());
    if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
    ask_users(request.actor.user, {request.user}, [this, from, request, check](Result<Profiles> people) mutable {
        if (!people) return refuse(from, people.error());
        with_conversation(from, request.conversation,
                          [this, from, request, check, profile = std::move(people->begin()->second)](ConversationState& found) {
                              // Again: much may have happened while the user's engine was asked.
                              if (const auto* member = found.log.find_member(request.user); member && member->present())
                                  return reply_member(from, found, request.user, request.actor.user);
                              if (const auto may = check(found); !may) return refuse(from, may.error());
                              const auto entry = found.log.append_joined(profile, request.role.value_or(Role::member), request.muted_until,
                                                                         request.actor.user, clock_.now());
                              ++figures_.joins;
                              put_conversation_row(found);
                              put_member_row(found, request.user);
                              publish(found, entry);
                              reply_member(from, found, request.user, request.actor.user);
                          });
    });
}

void Engine::State::on(const ReplyTo& from, RemoveMember&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        const auto actor = request.actor.user;
        if (const auto may = conversation.log.may_remove(actor, request.user); !may) return refuse(from, may.error());
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        remove(conversation, request.user, actor);
        reply(from, Done{});
    });
}

void Engine::State::remove(ConversationState& conversation, UserId user, UserId actor) {
    auto& log = conversation.log;
    const auto now = clock_.now();
    const auto was_owner = log.find_member(user)->role == Role::owner;
    const auto left = log.append_left(user, actor, now);
    put_conversation_row(conversation);
    put_member_row(conversation, user);
    publish(conversation, left);
    ++figures_.leaves;
    // Nobody is left to end the links, and whoever came in by one would be a member of a group without an owner: they end with it.
    if (log.conversation().members_count == 0)
        while (!conversation.admission.invites().empty())
            erase_invite(conversation, InviteSecret{conversation.admission.invites().front().secret});
    if (const auto heir = was_owner ? log.successor(user) : std::nullopt) {
        const auto entry = log.append_member_updated(*heir, Role::owner, std::nullopt, actor, now);
        put_member_row(conversation, *heir);
        publish(conversation, entry);
    }
}

}  // namespace madang
