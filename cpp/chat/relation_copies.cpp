// A user's copies of the pairs the user is in: taken in order of version, each exactly once, and told as friend.updated.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "model/deleted_user.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr std::size_t kNeutralKept = 256;

}  // namespace

Result<std::uint64_t> Engine::State::version_of_copy(const UserState& user, UserId other) const {
    if (const auto* relation = user.relations.find(other)) return relation->version;
    const auto stored = store_.get(Table::relation, relation_key(user.id, other));
    if (!stored) return std::unexpected(stored.error());
    if (!*stored) return 0;
    const auto relation = decode_relation(other, **stored);
    if (!relation) return std::unexpected(relation.error());
    return relation->version;
}

void Engine::State::take_change(EngineIndex from, RelationChanged message) {
    const auto id = message.user;
    when_loaded(id, [this, from, message = std::move(message)](Result<UserState*> user) {
        if (!user) return;  // comes again with the next repeat
        if (*user && !take_change(**user, message)) return;
        const ChangeTaken taken{message.user, message.other.id, message.relation.version};
        if (from == options_.index)
            on_change_taken(taken);
        else
            effects_.push_back(ToEngine{from, taken});
    });
}

bool Engine::State::take_change(UserState& user, const RelationChanged& message) {
    const auto& relation = message.relation;
    if (is_deleted(user.account.profile)) {
        if (!relation.is_neutral()) depart_from(user, {ConversationId{}, relation.other});  // asked for before the deletion
        return true;
    }
    const auto have = version_of_copy(user, relation.other);
    if (!have) return false;
    if (relation.version <= *have && !mutant(Mutant::copy_takes_twice)) return true;
    if (relation.version > *have + 1) return false;  // the one before it is still on its way
    user.relations.put(relation);
    put(Table::relation, relation_key(user.id, relation.other), relation, madang::slot_of(user.id));
    touch(user);
    if (message.tells) {
        auto note = std::make_shared<Note>();
        note->user = message.other;
        note->state = relation.state;
        deliver_note(user, {.conversation_id = {},
                            .seq = {},
                            .type = EntryType::friend_updated,
                            .lists = false,
                            .target = {},
                            .created_at = message.at,
                            .note = std::move(note)});
    }
    relations_changed(user, relation.other);
    return true;
}

void Engine::State::relations_changed(UserState& user, UserId other) {
    // Each may see of the other what they could not see before, or no longer.
    circle_changed(user.id);
    change_listeners(user, other);
    user.presence.online&& are_friends(user, other) ? watch(user, other) : unwatch(user, other);
    decide_again(user, other);
    if (user.relations.neutral() > kNeutralKept && user.written <= durable_) user.relations.drop_neutral();
}

void Engine::State::on(const ReplyTo& from, ListRelations&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        const std::size_t limit = std::clamp(request.limit, 1u, options_.limits.page_items);
        Query query{.to = from, .request = request};
        for (const auto& each : user.relations.all()) {
            if (request.blocks ? !each.blocks : each.state == FriendState::none) continue;
            if (request.after && each.other <= *request.after) continue;
            if (query.relations.size() == limit) {
                query.more = true;
                break;
            }
            query.relations.push_back(each);
        }
        effects_.push_back(Read{std::move(query)});
    });
}

}  // namespace madang
