// Pairs: what two users are to each other changes here, in the pair's slot, and nowhere else. The answer comes when the pair's record is
// durable; both users' copies follow by journal and bus, each change in its turn.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "chat/pair.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr Millis kChangeRepeatFirst{500};
constexpr unsigned kChangeRepeatDoublings = 4;  // at most every 8 s
constexpr std::size_t kChangesPerPairMax = 32;  // not yet in both copies; more: unavailable

}  // namespace

// ---- the record -------------------------------------------------------------------------------------------------------------------------

Result<Pair> Engine::State::find_pair(UserId a, UserId b) const {
    const auto key = pair_key(a, b);
    if (const auto flying = pairs_in_flight_.find(std::string(key)); flying != pairs_in_flight_.end()) return flying->second.pair;
    const auto stored = store_.get(Table::pair, key);
    if (!stored) return std::unexpected(stored.error());
    return *stored ? decode_pair(**stored) : Pair{};
}

Result<Pair> Engine::State::pair_of(const ConversationLog& log) const {
    const auto members = log.members();
    if (log.conversation().kind != ConversationKind::direct || members.size() != 2) return Pair{};
    return find_pair(members[0].user.id, members[1].user.id);
}

void Engine::State::put_pair(UserId a, UserId b, const Pair& pair) {
    const auto key = pair_key(a, b);
    put(Table::pair, key, pair, slot_of_pair(a, b));
    pairs_in_flight_[std::string(key)] = {pair, this_turn()};
    in_flight_.push_back({this_turn(), Table::pair, std::string(key)});
    // The gate of their direct conversation; one that is not in memory reads the record when it is loaded.
    auto* conversation = pair.direct && !mutant(Mutant::gate_lags) ? conversations_.find(pair.direct) : nullptr;
    if (conversation) conversation->pair = pair;
}

void Engine::State::forget_pair(const std::string& key) {
    const auto found = pairs_in_flight_.find(key);
    if (found != pairs_in_flight_.end() && found->second.ticket <= durable_) pairs_in_flight_.erase(found);
}

// ---- changes ----------------------------------------------------------------------------------------------------------------------------

void Engine::State::on(const ReplyTo& from, ChangeRelation&& request) {
    const auto me = request.actor.user;
    if (me == request.user) return refuse(from, {Code::bad_request, "nobody is a friend of oneself or blocks oneself", {}});
    AskUsers question{.operation = 0, .users = {me, request.user}, .inviter = me};
    if (request.act == RelationAct::befriend) question.purpose = AskUsers::Purpose::befriend;
    if (request.act == RelationAct::block) question.purpose = AskUsers::Purpose::block;
    if (request.act == RelationAct::unfriend || request.act == RelationAct::unblock) question.purpose = AskUsers::Purpose::profile;
    question.peer = request.user;
    ask_users(std::move(question), [this, from, request](Result<Profiles> people) {
        if (!people) return refuse(from, people.error());
        change_pair(from, request, *people);
    });
}

void Engine::State::change_pair(const ReplyTo& from, const ChangeRelation& request, const Profiles& people) {
    const auto me = request.actor.user;
    const auto side = side_of(me, request.user);
    const auto before = find_pair(me, request.user);
    if (!before) return refuse(from, before.error());
    if (before->gone[1 - side]) return refuse(from, {Code::not_found, "no such user: " + to_string(request.user), {}});
    if (before->gone[side]) return refuse(from, {Code::unauthenticated, "the account was deleted", {}});
    auto pair = after(*before, side, request.act);
    if (!pair) return refuse(from, pair.error());
    if (*pair != *before) {
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        if (has_too_many_changes(me, request.user))
            return refuse(from, {Code::unavailable, "too many changes are still on their way", Millis{500}});
        figures_.friend_requests += request.act == RelationAct::befriend ? 1 : 0;
        figures_.blocks += request.act == RelationAct::block ? 1 : 0;
        store_change(*before, *pair, people.at(me), people.at(request.user));
    }
    reply(from, Friendship{people.at(request.user), shown_to(side, *pair)});
}

bool Engine::State::has_too_many_changes(UserId a, UserId b) const {
    const auto waiting = pending_changes_.find(ordered(a, b));
    return pending_changes_.size() >= options_.limits.fan_out_pending ||
           (waiting != pending_changes_.end() && waiting->second.changes.size() >= kChangesPerPairMax);
}

void Engine::State::store_change(const Pair& before, Pair& pair, const Profile& one, const Profile& other) {
    pair.version = before.version + 1;
    put_pair(one.id, other.id, pair);
    RelationChange change;
    change.people = one.id < other.id ? std::array{one, other} : std::array{other, one};
    change.at = clock_.now();
    for (std::size_t side = 0; side < 2; ++side) {
        change.relations[side] = relation_of(side, pair, change.people[1 - side].id);
        change.tells[side] = shown_to(side, before) != shown_to(side, pair);
    }
    put(Table::relation_journal, relation_journal_key(one.id, other.id, pair.version), change, slot_of_pair(one.id, other.id));
    hand_on(std::move(change));
}

// ---- on their way to both copies --------------------------------------------------------------------------------------------------------

void Engine::State::hand_on(RelationChange change) {
    const auto pair = std::pair(change.people[0].id, change.people[1].id);
    auto& pending = pending_changes_[pair];
    const auto [place, is_new] = pending.changes.try_emplace(change.version(), PendingChange{std::move(change)});
    if (!is_new) return;
    if (pending.changes.size() == 1) {
        pending.repeats = 0;
        change_repeats_.emplace(clock_.tick() + kChangeRepeatFirst, pair);
    }
    const auto sent = place->second.change;  // the own engine may answer at once, and end it
    for (std::size_t side = 0; side < 2; ++side) send_change(sent, side);
}

void Engine::State::send_change(const RelationChange& change, std::size_t side) {
    RelationChanged message{.user = change.people[side].id,
                            .other = change.people[1 - side],
                            .relation = change.relations[side],
                            .tells = change.tells[side],
                            .at = change.at};
    const auto engine = engine_of(message.user);
    if (engine == options_.index)
        take_change(engine, std::move(message));
    else
        effects_.push_back(ToEngine{engine, std::move(message)});
}

void Engine::State::on_change_taken(const ChangeTaken& taken) {
    const auto pair = ordered(taken.user, taken.other);
    const auto found = pending_changes_.find(pair);
    if (found == pending_changes_.end()) return;
    const auto change = found->second.changes.find(taken.version);
    if (change == found->second.changes.end()) return;
    auto& has = change->second.has;
    has[side_of(taken.user, taken.other)] = true;
    if (!has[0] || !has[1]) return;
    erase(Table::relation_journal, relation_journal_key(taken.user, taken.other, taken.version), slot_of_pair(taken.user, taken.other));
    found->second.changes.erase(change);
    if (found->second.changes.empty()) pending_changes_.erase(found);
}

void Engine::State::repeat_changes() {
    const auto now = clock_.tick();
    while (!change_repeats_.empty() && change_repeats_.begin()->first <= now) {
        const auto pair = change_repeats_.begin()->second;
        change_repeats_.erase(change_repeats_.begin());
        const auto found = pending_changes_.find(pair);
        if (found == pending_changes_.end()) continue;
        found->second.repeats = std::min(found->second.repeats + 1, kChangeRepeatDoublings);
        change_repeats_.emplace(now + kChangeRepeatFirst * (1 << found->second.repeats), pair);
        // In order of version, since each is taken only after the one before it.
        std::vector<std::pair<RelationChange, std::size_t>> again;
        for (const auto& [version, pending] : found->second.changes)
            for (std::size_t side = 0; side < 2; ++side)
                if (!pending.has[side]) again.emplace_back(pending.change, side);
        for (const auto& [change, side] : again) send_change(change, side);
    }
    if (std::exchange(unfinished_wanted_, false)) jobs_.push_back(LoadUnfinished{});
}

void Engine::State::on_unfinished(LoadedUnfinished loaded) {
    if (!loaded.state) {
        unfinished_wanted_ = true;  // at the next tick
        return;
    }
    if (!mutant(Mutant::lose_relations))
        for (auto& change : loaded.state->changes) hand_on(std::move(change));
    if (!mutant(Mutant::lose_departures))
        for (const auto user : loaded.state->departures) departures_.add(user);
}

}  // namespace madang
