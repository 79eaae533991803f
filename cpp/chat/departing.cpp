// Deleting an account. One append takes away all that lets the user in and all that tells who it was, and leaves a row that says that the
// user is not gone from everywhere yet. What follows is bounded work a turn, begins anew after a crash, and ends with that row:
// every conversation the user was ever in and every pair is asked to let them go (departures.hpp), then what the store has under the
// user's id is erased, page by page.
#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "chat/pair.hpp"
#include "store/departure_records.hpp"
#include "store/keys.hpp"

namespace madang {

// ---- the user's engine ------------------------------------------------------------------------------------------------------------------

void Engine::State::on(const ReplyTo& from, DeleteAccount&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        if (!user.find_device(request.actor.device))
            return refuse(from, {Code::unauthenticated, "the token is unknown, expired or revoked", {}});
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        while (!user.devices.empty()) sign_out(user, user.devices.back().id);
        for (auto& each : user.subscriptions) each.phase = Subscription::Phase::connected;  // until they are closed
        // The name's row stays: it is never given again.
        user.account = Account{.profile = deleted_profile(user.id, user.account.profile.created_at), .origin = {}, .disabled = true};
        put(Table::account, account_key(user.id), user.account, madang::slot_of(user.id));
        put(Table::departure, departure_key(user.id), Departure{}, madang::slot_of(user.id));
        touch(user);
        circle_changed(user.id);
        departures_.add(user.id);
        ++figures_.deleted_accounts;
        reply(from, Done{});
    });
}

void Engine::State::work_departures() {
    while (const auto id = departures_.next()) when_loaded(*id, [this, id = *id](Result<UserState*> user) { begin_departure(id, user); });
    for (auto& ask : departures_.due(clock_.tick())) {
        const auto& place = ask.place;
        const auto slot = place.conversation ? madang::slot_of(place.conversation) : slot_of_pair(ask.who.id, place.other);
        if (owns(slot))
            take_leave(options_.index, std::move(ask));
        else
            effects_.push_back(ToEngine{owner_of(slot, options_.engines), std::move(ask)});
    }
    for (const auto id : departures_.to_erase()) {
        if (auto* user = users_.find(id)) {
            user->inbox = {};
            user->has_tail = false;
            user->preferences.clear();
            user->relations = {};
        }
        effects_.push_back(Read{LoadLeftovers{id}});
    }
}

void Engine::State::begin_departure(UserId id, Result<UserState*> user) {
    const auto stored = store_.get(Table::departure, departure_key(id));
    const auto more = stored && *stored ? decode_departure(**stored) : Result<Departure>{};
    if (!user || !*user || !stored || !more) return departures_.put_off(id);
    std::vector<Place> places;
    for (const auto& row : (*user)->inbox.conversations()) places.push_back({row.conversation_id, UserId{}});
    for (const auto& relation : (*user)->relations.all())
        if (!relation.is_neutral()) places.push_back({ConversationId{}, relation.other});
    for (const auto conversation : more->conversations) places.push_back({conversation, UserId{}});
    for (const auto other : more->others) places.push_back({ConversationId{}, other});
    departures_.begin((*user)->account.profile, places);
}

void Engine::State::depart_from(const UserState& user, const Place& place) {
    departures_.add(user.id, place);
    // With what an earlier life has left there; what this one has written may not be durable yet, but is known.
    const auto stored = store_.get(Table::departure, departure_key(user.id));
    const auto known = stored && *stored ? decode_departure(**stored) : Result<Departure>{};
    std::set<ConversationId> conversations;
    std::set<UserId> others;
    if (known) conversations.insert(known->conversations.begin(), known->conversations.end());
    if (known) others.insert(known->others.begin(), known->others.end());
    for (const auto& each : departures_.added(user.id))
        each.conversation ? (void)conversations.insert(each.conversation) : (void)others.insert(each.other);
    const Departure row{{conversations.begin(), conversations.end()}, {others.begin(), others.end()}};
    put(Table::departure, departure_key(user.id), row, madang::slot_of(user.id));
}

void Engine::State::miss(const UserState& user, const Entry& entry) {
    // It makes the user a member: somebody had asked for them before they were deleted.
    const auto joins = entry.type == EntryType::conversation_created ||
                       (entry.type == EntryType::member_joined && entry.change->member.user.id == user.id);
    if (joins) depart_from(user, {entry.conversation_id, UserId{}});
}

void Engine::State::on_leftovers(LoadedLeftovers loaded) {
    if (!departures_.is_erasing(loaded.user)) return;  // a place has turned up: when that is left
    if (!loaded.rows) return departures_.put_off(loaded.user);
    const auto slot = madang::slot_of(loaded.user);
    for (const auto& [table, key] : *loaded.rows)
        if (!mutant(Mutant::keep_leftovers)) erase(table, key, slot);
    if (loaded.more && !mutant(Mutant::keep_leftovers)) {
        effects_.push_back(Read{LoadLeftovers{loaded.user}});
        return;
    }
    erase(Table::departure, departure_key(loaded.user), slot);
    departures_.end(loaded.user);
}

// ---- the conversation's engine, and the pair's ------------------------------------------------------------------------------------------

void Engine::State::take_leave(EngineIndex from, LeavePlace leave) {
    if (!store_.has_space()) return;  // it is asked again, as whenever there is no answer
    const auto answer = [this, from](const LeavePlace& done) {
        const LeftPlace left{done.who.id, done.place, done.number};
        if (from == options_.index)
            departures_.on_left(left);
        else
            effects_.push_back(ToEngine{from, left});
    };
    if (!leave.place.conversation) {
        if (part(leave.who, leave.place.other)) answer(leave);
        return;
    }
    const auto id = leave.place.conversation;
    when_loaded(id, [this, answer, leave = std::move(leave)](Result<ConversationState*> conversation) {
        if (!conversation) return;
        if (!*conversation || take_out(**conversation, leave.who)) answer(leave);
    });
}

bool Engine::State::take_out(ConversationState& conversation, const Profile& who) {
    auto& log = conversation.log;
    const auto id = log.id();
    if (!discard_held_of(who.id)) return false;
    if (const auto* found = conversation.admission.find_ban(who.id); found && found->user != who) {
        auto ban = *found;
        ban.user = who;
        conversation.admission.remove_ban(who.id);
        put(Table::ban, ban_key(id, who.id), ban, madang::slot_of(id));
        conversation.admission.add(std::move(ban));
        touch(conversation);
    }
    const auto* member = log.find_member(who.id);
    if (!member) return true;
    if (member->user != who) {
        log.rename(who);
        put_member_row(conversation, who.id);
        touch(conversation);
    }
    if (log.conversation().kind == ConversationKind::group) {
        if (member->present()) remove(conversation, who.id, who.id);
        return true;
    }
    for (const auto& each : log.members())
        if (each.user.id != who.id) return part(who, each.user.id);
    return true;
}

bool Engine::State::part(const Profile& who, UserId other) {
    const auto before = find_pair(who.id, other);
    if (!before || has_too_many_changes(who.id, other)) return false;
    const auto pair = without(*before, side_of(who.id, other));
    if (pair == *before) return true;
    auto changed = pair;
    Profile peer;
    peer.id = other;  // for the copy of one who has none
    store_change(*before, changed, who, peer);
    return true;
}

}  // namespace madang
