#include "chat/engine.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

// Message ids are reserved this far ahead of the wall clock, by a row that rides on the next append. After a restart the ids begin beyond
// the reservation: unique and rising even when the clock went back meanwhile.
constexpr std::uint64_t kReservedAheadMs = 3'000;
constexpr int kIdTimeShift = 22;
constexpr std::string_view kReservedIds = "ids/";
constexpr std::size_t kEvictionLooks = 64;
constexpr int kVersionsOfEpoch = 40;  // bits

std::uint64_t ms_of(std::uint64_t id) { return id >> kIdTimeShift; }

}  // namespace

Device* UserState::find_device(DeviceId device) {
    const auto at = std::ranges::find(devices, device, &Device::id);
    return at == devices.end() ? nullptr : &*at;
}

Engine::State::State(EngineOptions options, const Clock& clock, const Store& store)
    : options_(std::move(options)),
      clock_(clock),
      store_(store),
      ids_(options_.worker, clock),
      held_(options_.limits.held_messages),
      checks_(options_.checks, options_.limits.text_chars),
      attendance_(options_.limits.offline_after),
      push_decisions_(options_.limits.push_ack_within),
      push_outbox_(options_.pushes, options_.limits),
      index_(options_.epoch, options_.index),
      fenced_(kSlots, false) {
    // Above whatever an earlier owner of these slots has said.
    watching_.last_version = options_.epoch << kVersionsOfEpoch;
    receiving_.last_note = options_.epoch << kVersionsOfEpoch;
}

void Engine::State::start() {
    // Of every worker: slots move between engines when their number changes.
    const auto from = meta_key(kReservedIds), to = meta_key("ids0");  // '0' follows '/'
    const auto scanned = store_.scan(Table::meta, from, to, Order::ascending, [&](std::string_view, std::string_view value) {
        if (const auto reserved = decode_id(value)) reserved_ms_ = std::max(reserved_ms_, *reserved);
        return true;
    });
    MADANG_ASSERT(scanned.has_value());
    ids_.pass(reserved_ms_ << kIdTimeShift);
    if (push_outbox_.is_on()) take_up_pushes();
    load_held();
    if (!mutant(Mutant::lose_relations)) jobs_.push_back(LoadUnfinished{});
    if (mutant(Mutant::skip_replay)) return;
    journal_reading_ = true;
    jobs_.push_back(LoadJournal{});
}

void Engine::State::handle(const ReplyTo& from, Request request) {
    std::visit([&](auto&& each) { on(from, std::move(each)); }, std::move(request));
}

void Engine::State::on_bus(EngineIndex from, BusMessage message) {
    struct Dispatch {
        State& state;
        EngineIndex from;
        void operator()(FanOut& m) { state.take_fan_out(from, std::move(m)); }
        void operator()(FannedOut& m) { state.on_fanned_out(m); }
        void operator()(AskUsers& m) { state.on_ask(from, std::move(m)); }
        void operator()(UsersAnswer& m) { state.on_answer(std::move(m)); }
        void operator()(LeasePresence& m) { state.take_lease(from, m); }
        void operator()(PresenceStates& m) { state.take_states(m); }
        void operator()(AskPresence& m) { state.take_question(from, std::move(m)); }
        void operator()(PresenceAnswer& m) { state.take_answer(m); }
        void operator()(TypingNote& m) { state.take_typing(m); }
        void operator()(MoveReceipts& m) { state.take_receipts(from, m); }
        void operator()(ReceiptsMoved& m) { state.take_moved(m); }
        void operator()(ReceiptNote& m) { state.take_receipt_note(from, m); }
        void operator()(RelationChanged& m) { state.take_change(from, std::move(m)); }
        void operator()(ChangeTaken& m) { state.on_change_taken(m); }
        void operator()(LeavePlace& m) { state.take_leave(from, std::move(m)); }
        void operator()(LeftPlace& m) { state.departures_.on_left(m); }
    };
    std::visit(Dispatch{*this, from}, message);
}

void Engine::State::on_loaded(Loaded loaded) {
    if (auto* user = std::get_if<LoadedUser>(&loaded)) {
        ++figures_.loads;
        Result<std::unique_ptr<UserState>> state = nullptr;
        if (!user->state) {
            state = std::unexpected(user->state.error());
        } else if (auto& found = *user->state) {
            state = std::make_unique<UserState>();
            auto& fresh = **state;
            fresh.id = user->user;
            fresh.account = std::move(found->account);
            fresh.devices = std::move(found->devices);
            fresh.preferences = std::move(found->preferences);
            fresh.presence.last_active_at = fresh.account.last_active_at;
            for (const auto& device : fresh.devices)
                fresh.presence.last_active_at = std::max(fresh.presence.last_active_at, device.last_seen_at);
            fresh.relations = Relations(std::move(found->relations));
            for (const auto& device : fresh.devices) fresh.delivered_to = std::max(fresh.delivered_to, device.acked);
            for (const auto& [conversation, receipt] : found->untold) receiving_.outbox.move(user->user, conversation, receipt);
            fresh.inbox = Inbox(std::move(found->conversations), found->checkpoint, found->floor, found->tail);
        }
        users_.loaded(user->user, std::move(state));
    } else if (auto* conversation = std::get_if<LoadedConversation>(&loaded)) {
        ++figures_.loads;
        Result<std::unique_ptr<ConversationState>> state = nullptr;
        if (!conversation->state)
            state = std::unexpected(conversation->state.error());
        else if (auto& found = *conversation->state) {
            Admission admission(std::move(found->bans), std::move(found->invites));
            Receipts receipts(std::move(found->receipts));
            state = resident(ConversationLog(std::move(*found)), std::move(admission));
            if (state) (*state)->receipts = std::move(receipts);
        }
        conversations_.loaded(conversation->conversation, std::move(state));
    } else if (auto* page = std::get_if<LoadedInboxPage>(&loaded)) {
        on_page(std::move(*page));
    } else if (auto* entries = std::get_if<LoadedEntries>(&loaded)) {
        on_entries(std::move(*entries));
    } else if (auto* journal = std::get_if<LoadedJournal>(&loaded)) {
        on_journal(std::move(*journal));
    } else if (auto* message = std::get_if<LoadedMessage>(&loaded)) {
        on_message(std::move(*message));
    } else if (auto* recounted = std::get_if<Recounted>(&loaded)) {
        on_recounted(std::move(*recounted));
    } else if (auto* unfinished = std::get_if<LoadedUnfinished>(&loaded)) {
        on_unfinished(std::move(*unfinished));
    } else if (const auto* pushes = std::get_if<LoadedPushes>(&loaded)) {
        on_pushes(*pushes);
    } else if (const auto* swept = std::get_if<SweptPushes>(&loaded)) {
        push_outbox_.on_swept(*swept, clock_.now(), clock_.tick());
    } else if (auto* leftovers = std::get_if<LoadedLeftovers>(&loaded)) {
        on_leftovers(std::move(*leftovers));
    } else if (const auto* delivered = std::get_if<LoadedDelivered>(&loaded)) {
        on_delivered(*delivered);
    }
}

Result<std::unique_ptr<ConversationState>> Engine::State::resident(ConversationLog log, Admission admission) const {
    auto pair = pair_of(log);
    if (!pair) return std::unexpected(pair.error());
    auto state = std::make_unique<ConversationState>(std::move(log), std::move(admission));
    state->pair = *pair;
    return state;
}

void Engine::State::tick() {
    end_long_polls();
    end_late_checks();
    repeat_asks();
    repeat_fan_outs();
    repeat_changes();
    departures_.wake();
    work_journal();
    store_acks();
    tell_receipts();
    end_presences();
    note_present();
    tell_engines();
    renew_leases();
    ask_undecided();
    watching_.allowance = kPresenceSignals;
    end_queries();
    sweep_leases();
    forget_typing();
    decide_pushes();
    const auto now = clock_.tick();
    while (!lingering_.empty() && lingering_.front().first <= now) {
        auto* user = users_.find(lingering_.front().second);
        lingering_.pop_front();
        if (user && !user->is_online() && user->has_tail && user->lingers_until <= now) {
            user->has_tail = false;
            user->inbox.keep_tail(false);
        }
    }
    evict();
}

Turn Engine::State::end_turn() {
    work_verdicts();
    work_departures();
    work_backlog();
    work_lanes();
    for (const auto id : std::exchange(woken_, {}))
        if (auto* user = users_.find(id)) wake_pollers(*user);
    rows_this_turn_ = 0;
    work_pushes();
    tell_presence();
    evict();
    Turn turn;
    turn.entries = index_.end_turn(batch_);
    if (!batch_.empty()) {
        ++last_ticket_;
        for (const auto& each : batch_.fences()) fenced_[each.slot] = false;
    }
    turn.ticket = last_ticket_;
    turn.batch = std::exchange(batch_, {});
    turn.effects = std::exchange(effects_, {});
    turn.jobs = std::exchange(jobs_, {});
    turn.calls = checks_.take_calls();
    turn.pushes = std::exchange(push_calls_, {});
    return turn;
}

void Engine::State::on_durable(Ticket ticket) {
    durable_ = std::max(durable_, ticket);
    while (!in_flight_.empty() && in_flight_.front().ticket <= durable_) {
        const auto& front = in_flight_.front();
        if (front.table == Table::send_key)
            forget_sent(front.key);
        else if (front.table == Table::held)
            forget_held(HeldId{id_in(front.key)});
        else if (front.table == Table::message)
            forget_revised(front.key);
        else if (front.table == Table::pair)
            forget_pair(front.key);
        else
            ids_in_flight_.erase({front.table, front.key});
        in_flight_.pop_front();
    }
}

void Engine::State::forget_sent(const std::string& key) {
    const auto found = sends_in_flight_.find(key);
    if (found != sends_in_flight_.end() && found->second.ticket <= durable_) sends_in_flight_.erase(found);
}

void Engine::State::forget_revised(const std::string& key) {
    const auto found = revised_in_flight_.find(key);
    if (found != revised_in_flight_.end() && found->second.ticket <= durable_) revised_in_flight_.erase(found);
}

bool Engine::State::is_idle() const {
    return pending_.empty() && backlog_.empty() && journal_.empty() && awaiting_.empty() && operations_.empty() && recounts_.empty() &&
           lanes_.empty() && checks_.empty() && pending_changes_.empty() && !unfinished_wanted_ && departures_.empty() &&
           users_.parked() + conversations_.parked() == 0 && batch_.empty() && effects_.empty() && durable_ == last_ticket_ &&
           watching_.queries.empty() && pushes_are_settled();
}

EngineFigures Engine::State::figures() const {
    auto figures = figures_;
    figures.users = users_.size();
    figures.conversations = conversations_.size();
    figures.parked = users_.parked() + conversations_.parked();
    figures.in_lanes = in_lanes_;
    figures.fan_out_pending = pending_.size();
    figures.watched = watching_.watched.size();
    figures.presence_waiting = watching_.queue.size();
    figures.receipts_waiting = receiving_.outbox.size();
    figures.relations_pending = pending_changes_.size();
    figures.departures_pending = departures_.size();
    figures.held_waiting = held_.size();
    figures.checks_waiting = checks_.size();
    figures.late_verdicts = checks_.late_verdicts();
    if (checks_.are_on()) figures.checks = checks_.figures();
    if (push_outbox_.is_on()) push_figures(figures);
    return figures;
}

void Engine::State::reply(const ReplyTo& to, Result<Response> response) {
    if (to.request != 0) effects_.push_back(Reply{to, std::move(response)});
}

void Engine::State::put_id(Table table, std::string_view key, std::uint64_t id, Slot slot) {
    scratch_.clear();
    encode_id(id, scratch_);
    batch_.put(table, key, scratch_);
    fence(slot);
}

void Engine::State::erase(Table table, std::string_view key, Slot slot) {
    batch_.erase(table, key);
    fence(slot);
}

void Engine::State::fence(Slot slot) {
    if (fenced_[slot]) return;
    fenced_[slot] = true;
    batch_.fence(slot, options_.epoch);
}

std::optional<std::uint64_t> Engine::State::id_in_flight(Table table, std::string_view key) const {
    const auto found = ids_in_flight_.find(std::pair(table, std::string(key)));
    return found == ids_in_flight_.end() ? std::nullopt : std::optional(found->second);
}

void Engine::State::remember_in_flight(Table table, std::string_view key, std::uint64_t id) {
    ids_in_flight_.emplace(std::pair(table, std::string(key)), id);
    in_flight_.push_back({this_turn(), table, std::string(key)});
}

void Engine::State::reserve_ids(MessageId given) {
    if (ms_of(given.value) <= reserved_ms_) return;
    reserved_ms_ = ms_of(given.value) + kReservedAheadMs;
    put_id(Table::meta, meta_key(std::string(kReservedIds) + std::to_string(options_.worker)), reserved_ms_,
           static_cast<Slot>(options_.index));
}

void Engine::State::evict() {
    const auto durable = durable_;
    figures_.evictions += users_.evict(options_.limits.users_in_memory, kEvictionLooks, [durable](const UserState& user) {
        return !user.is_online() && !user.presence.online && user.acks_unstored == 0 && user.recounts == 0 && user.written <= durable;
    });
    figures_.evictions += conversations_.evict(options_.limits.conversations_in_memory, kEvictionLooks,
                                               [durable](const ConversationState& each) { return each.written <= durable; });
}

Engine::Engine(EngineOptions options, const Clock& clock, const Store& store)
    : state_(std::make_unique<State>(std::move(options), clock, store)) {}
Engine::~Engine() = default;
void Engine::start() { state_->start(); }
void Engine::handle(const ReplyTo& from, Request request) { state_->handle(from, std::move(request)); }
void Engine::on_bus(EngineIndex from, BusMessage message) { state_->on_bus(from, std::move(message)); }
void Engine::on_loaded(Loaded loaded) { state_->on_loaded(std::move(loaded)); }
void Engine::tick() { state_->tick(); }
void Engine::on_verdict(std::uint64_t call, Verdict verdict) { state_->on_verdict(call, std::move(verdict)); }
void Engine::on_call_refused(std::uint64_t call) { state_->on_call_refused(call); }
void Engine::on_delivered(std::uint64_t call, const Delivered& delivered) { state_->on_delivered(call, delivered); }
void Engine::on_push_refused(std::uint64_t call) { state_->on_push_refused(call); }
std::optional<Tick> Engine::next_deadline() const { return state_->next_deadline(); }
void Engine::end_waits() { state_->end_waits(); }
Turn Engine::end_turn() { return state_->end_turn(); }
void Engine::on_durable(Ticket ticket) { state_->on_durable(ticket); }
bool Engine::wants_turn() const { return state_->wants_turn(); }
bool Engine::is_idle() const { return state_->is_idle(); }
EngineFigures Engine::figures() const { return state_->figures(); }

}  // namespace madang
