// Pushes: who must be notified (push_decisions.hpp), and the way to the plugins (push_outbox.hpp). Decided where the inbox is: nobody
// attached → a row of the outbox in the append of the inbox row; somebody attached → it waits for an ack. A row ends, without a call, when
// its message has been read or deleted, or its conversation has been muted or left, before it went out.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "chat/push_loads.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr Millis kUnreadableAgain{1'000};

}  // namespace

// ---- registrations, dead letters
// --------------------------------------------------------------------------------------------------------

void Engine::State::on(const ReplyTo& from, SetPush&& request) {
    with_user(from, request.actor.user, [this, from, request = std::move(request)](UserState& user) {
        auto* device = user.find_device(request.actor.device);
        if (!device) return refuse(from, {Code::unauthenticated, "the token is unknown, expired or revoked", {}});
        if (device->push != request.registration) {
            if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
            device->push = request.registration;
            put_device(user, *device);
            touch(user);
        }
        reply(from, Done{});
    });
}

void Engine::State::on(const ReplyTo& from, ListDeadPushes&& request) { effects_.push_back(Read{Query{.to = from, .request = request}}); }

// ---- is one due?
// ------------------------------------------------------------------------------------------------------------------------

void Engine::State::take_up_pushes() {
    auto stored = read_stored_pushes(store_, options_.index, options_.engines);
    MADANG_ASSERT(stored.has_value());
    push_depth_ = stored->depth;
    push_dead_.assign(stored->dead.begin(), stored->dead.end());
    if (mutant(Mutant::push_lost_open)) return;
    for (const auto& each : stored->open) push_decisions_.reopen(each.user, each.row, each.items, clock_.tick());
}

void Engine::State::note_poll_end(UserState& user, DeviceId device) {
    if (!push_outbox_.is_on()) return;
    forget_polls(user, device);
    user.polled.emplace_back(device, clock_.tick() + options_.limits.offline_after);
}

void Engine::State::forget_polls(UserState& user, DeviceId device) {
    std::erase_if(user.polled, [&](const auto& each) { return each.first == device; });
}

bool Engine::State::is_attached(const UserState& user) const {
    const auto now = clock_.tick();
    return user.presence.attached > 0 || std::ranges::any_of(user.polled, [now](const auto& each) { return each.second > now; });
}

std::vector<PushOutbox::Target> Engine::State::push_targets(const UserState& user, const std::vector<PushTarget>& done) const {
    std::vector<PushOutbox::Target> targets;
    const auto& rules = push_outbox_.rules();
    for (std::uint32_t i = 0; i < rules.size(); ++i) {
        const auto is_done = [&](DeviceId device) { return std::ranges::find(done, PushTarget{rules[i].plugin, device}) != done.end(); };
        if (!rules[i].takes_registrations()) {
            if (!is_done({})) targets.push_back({i, {}, {}});
            continue;
        }
        for (const auto& device : user.devices)
            if (device.push && std::ranges::find(rules[i].providers, device.push.provider) != rules[i].providers.end() &&
                !is_done(device.id))
                targets.push_back({i, device.id, device.push});
    }
    return targets;
}

bool Engine::State::is_push_pointless(const UserState& user, ConversationId conversation, Seq seq) const {
    const auto* row = user.inbox.find(conversation);
    if (user.account.disabled || !row || row->left) return true;
    if (row->read_seq >= seq && !mutant(Mutant::push_after_read)) return true;
    const auto preference = user.preferences.find(conversation);
    return preference != user.preferences.end() && preference->second.muted_until > clock_.now();
}

void Engine::State::consider_push(UserState& user, const InboxItem& item) {
    if (item.target) push_outbox_.on_message_changed({user.id, item.conversation_id, item.target});
    if (item.type != EntryType::message_created || item.own) return;
    if (push_targets(user, {}).empty() || is_push_pointless(user, item.conversation_id, item.seq)) return;
    const auto cursor = user.inbox.tail();
    if (!is_attached(user) && !push_decisions_.has_undecided(user.id)) return put_push(user, item.conversation_id, item.seq, cursor);
    if (const auto row = push_decisions_.add(user.id, {cursor, item.conversation_id, item.seq}, clock_.tick())) put_open_row(user.id, *row);
}

void Engine::State::put_open_row(UserId user, Cursor decided) {
    put_id(Table::push_open, push_open_key(user), decided.value, madang::slot_of(user));
}

void Engine::State::put_push(const UserState& user, ConversationId conversation, Seq seq, Cursor cursor) {
    const PushKey key{user.id, conversation, seq};
    const auto now = clock_.now();
    Push push{.since = now, .due = now, .attempts = 0, .done = {}, .error = {}};
    put(Table::push_outbox, push_key(key), push, madang::slot_of(user.id));
    if (push_decisions_.on_pushed(user.id, cursor)) put_open_row(user.id, cursor);
    push_outbox_.add(key, std::move(push), now, clock_.tick());
    ++push_depth_;
    ++figures_.pushes_decided;
}

void Engine::State::decide_pushes() {
    if (!push_outbox_.is_on()) return;
    const auto now = clock_.tick();
    for (const auto id : push_decisions_.due(now)) when_loaded(id, [this, id](Result<UserState*> user) { decide_push(id, user); });
    if (!store_.has_space()) return;
    for (const auto& [user, cursor] : push_decisions_.rows(now, waits_ended_)) {
        if (cursor)
            put_open_row(user, *cursor);
        else
            erase(Table::push_open, push_open_key(user), madang::slot_of(user));
    }
}

void Engine::State::decide_push(UserId id, Result<UserState*> found) {
    const auto now = clock_.tick();
    if (!found) return push_decisions_.settled(id, now, false);
    if (!*found) push_decisions_.forget(id);
    while (const auto item = push_decisions_.take_due(id, now)) {
        const auto& user = **found;
        if (is_push_pointless(user, item->conversation, item->seq) || push_targets(user, {}).empty()) continue;
        put_push(user, item->conversation, item->seq, item->cursor);
    }
    push_decisions_.settled(id, now);
}

// ---- to the plugins
// ---------------------------------------------------------------------------------------------------------------------

void Engine::State::work_pushes() {
    if (!push_outbox_.is_on()) return;
    const auto wall = clock_.now();
    const auto now = clock_.tick();
    for (const auto& ended : push_outbox_.end_late(wall, now)) end_push(ended);
    if (waits_ended_) return;
    if (auto keys = push_outbox_.take_due(now); !keys.empty()) effects_.push_back(Read{LoadPushes{std::move(keys)}});
    if (auto sweep = push_outbox_.sweep(wall, now)) effects_.push_back(Read{*sweep});
}

void Engine::State::on_pushes(const LoadedPushes& loaded) {
    for (const auto& key : loaded.left) push_outbox_.again(key, clock_.tick());
    for (const auto& [key, state] : loaded.items)
        when_loaded(key.user, [this, key, state](Result<UserState*> user) { hand_out_push(key, state, user); });
}

void Engine::State::hand_out_push(const PushKey& key, const Result<LoadedPushes::State>& state, Result<UserState*> found) {
    const auto now = clock_.tick();
    if (!found || !state) return push_outbox_.again(key, now + kUnreadableAgain);
    if (waits_ended_ || push_outbox_.is_stale(key)) return push_outbox_.again(key, now);
    if (!*found || !state->message || is_push_pointless(**found, key.conversation, key.seq)) return cancel_push(key);
    const auto& user = **found;
    const auto targets = push_targets(user, push_outbox_.in_flight(key)->done);
    if (targets.empty()) return cancel_push(key);
    const auto& message = *state->message;
    PushCall call;
    call.user = user.account.profile;
    call.kind = state->kind;
    call.title = state->title;
    call.message_id = message.message.id;
    call.sender = state->sender;
    call.text = message.message.text;
    call.badge = unread_total(user);
    call.created_at = message.created_at;
    for (auto& each : push_outbox_.hand_out(key, targets, call, now)) push_calls_.push_back(std::move(each));
}

void Engine::State::cancel_push(const PushKey& key) {
    ++figures_.pushes_cancelled;
    push_outbox_.end(key);
    erase_push(key);
}

void Engine::State::erase_push(const PushKey& key) {
    erase(Table::push_outbox, push_key(key), madang::slot_of(key.user));
    if (push_depth_ > 0) --push_depth_;
}

void Engine::State::on_delivered(std::uint64_t call, const Delivered& delivered) {
    if (const auto ended = push_outbox_.on_answer(call, delivered, clock_.now(), clock_.tick())) end_push(*ended);
}

void Engine::State::on_push_refused(std::uint64_t call) {
    if (const auto ended = push_outbox_.on_refused(call, clock_.now(), clock_.tick())) end_push(*ended);
}

void Engine::State::end_push(const PushOutbox::Ended& ended) {
    using What = PushOutbox::Ended::What;
    if (ended.gone) drop_registration(ended);
    if (ended.what == What::sent) {
        ++figures_.pushes_ended;
        erase_push(ended.key);
    } else if (ended.what == What::retries) {
        put(Table::push_outbox, push_key(ended.key), ended.push, madang::slot_of(ended.key.user));
    } else if (ended.what == What::dead) {
        give_up_push(ended);
    }
}

void Engine::State::give_up_push(const PushOutbox::Ended& ended) {
    const auto slot = madang::slot_of(ended.key.user);
    ++figures_.pushes_dead;
    erase_push(ended.key);
    const auto& push = ended.push;
    put(Table::push_dead, push_key(ended.key), DeadPush{push.since, clock_.now(), push.attempts, ended.reason, push.error}, slot);
    push_dead_.push_back(ended.key);
    while (push_dead_.size() > options_.limits.push_dead_max) {
        erase(Table::push_dead, push_key(push_dead_.front()), madang::slot_of(push_dead_.front().user));
        push_dead_.pop_front();
    }
}

void Engine::State::drop_registration(const PushOutbox::Ended& ended) {
    when_loaded(ended.key.user, [this, ended](Result<UserState*> user) {
        auto* device = user && *user ? (*user)->find_device(ended.gone) : nullptr;
        if (!device || device->push != ended.registration) return;  // a newer one by now
        device->push = {};
        put_device(**user, *device);
        touch(**user);
    });
}

// For a stop in good order: nothing is out, and what is decided or acked can be told from the rows.
bool Engine::State::pushes_are_settled() const {
    if (!push_outbox_.is_on()) return true;
    if (push_outbox_.has_flights() || push_decisions_.is_deciding()) return false;
    return !waits_ended_ || !store_.has_space() ||
           (push_decisions_.rows_are_exact() && receiving_.acks.empty() && receiving_.round.empty());
}

void Engine::State::push_figures(EngineFigures& figures) const {
    figures.push_undecided = push_decisions_.undecided();
    figures.push_depth = push_depth_;
    figures.pushes = push_outbox_.figures();
    const auto first = push_outbox_.first_due();
    if (first && *first < clock_.tick()) figures.push_overdue_ms = static_cast<std::uint64_t>((clock_.tick() - *first).count());
}

}  // namespace madang
