// Receipts on their way. Once a second the user's engine stores what devices have acked, finds out what that has delivered, and tells the
// conversations' engines; a conversation's engine stores what is new, and tells the members' sockets when that is durable. So nothing is
// told that a crash could take back.
//
// What is lost: a second of acks, by a crash (decision 14). A marker that was answered is durable with its user; if a crash keeps it from
// the conversation, or an ack, it is told again when the user is loaded (read_untold). What the bus loses is repeated (ReceiptOutbox).
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr Millis kRoundEvery{1'000};
constexpr std::size_t kAcksATick = 1'000;         // devices whose ack is stored; the others in the next ticks
constexpr std::size_t kMovesATick = 5'000;        // receipts sent to conversations' engines, likewise
constexpr std::size_t kMovesOfMessage = 1'000;    // in one bus message
constexpr std::size_t kLoadsMax = 1'000;          // cold conversations that are loaded for a receipt; more are told again later
constexpr std::size_t kSignalsATick = 5'000;      // to sockets; what is left waits, and what moves meanwhile is told once
constexpr std::uint64_t kDeliveredItems = 1'000;  // inbox items looked at by one read

}  // namespace

// ---- at the user's engine -------------------------------------------------------------------------------------------------------------

void Engine::State::acknowledge(UserState& user, DeviceId id, Cursor cursor) {
    auto* device = user.find_device(id);
    if (device) note_active(user, id, clock_.now());
    if (device && push_outbox_.is_on()) push_decisions_.on_ack(user.id, cursor);
    if (!device || cursor <= device->acked) return;
    device->acked = cursor;
    if (receiving_.acks.emplace(user.id, id).second) ++user.acks_unstored;
}

void Engine::State::store_acks() {
    const auto now = clock_.tick();
    auto& round = receiving_.round;
    const bool has_news = !receiving_.acks.empty() || receiving_.outbox.has_fresh();
    if (has_news && round.empty() && (now - receiving_.round_at >= kRoundEvery || waits_ended_)) {
        receiving_.round_at = now;
        receiving_.is_sending = true;
        round = std::exchange(receiving_.acks, {});
    }
    if (!store_.has_space()) return;
    for (auto left = kAcksATick; left > 0 && !round.empty(); --left) {
        const auto [id, device_id] = *round.begin();
        round.erase(round.begin());
        auto& user = *users_.find(id);  // kept in memory by what is not stored
        --user.acks_unstored;
        if (const auto* device = user.find_device(device_id)) put_device(user, *device);
        touch(user);
        note_delivered(user);
    }
    send_receipts();
}

void Engine::State::note_delivered(UserState& user) {
    Cursor acked;
    for (const auto& device : user.devices) acked = std::max(acked, device.acked);
    if (mutant(Mutant::receipts_from_tail)) acked = user.inbox.tail();
    if (acked <= user.delivered_to || user.is_reading_delivered) return;
    const auto deliver = [&](ConversationId conversation, Seq seq) { receiving_.outbox.move(user.id, conversation, {seq, {}}); };
    if (user.inbox.newest_of_each(user.delivered_to, acked, deliver)) {
        user.delivered_to = acked;
        return;
    }
    user.is_reading_delivered = true;
    const auto to = std::min(acked, Cursor{user.delivered_to.value + kDeliveredItems});
    effects_.push_back(Read{LoadDelivered{user.id, user.delivered_to, to}});
}

void Engine::State::on_delivered(const LoadedDelivered& loaded) {
    auto* user = users_.find(loaded.user);
    if (!user) return;  // when it is loaded again, its conversations are looked at
    user->is_reading_delivered = false;
    if (!loaded.delivered) return;  // with the next ack
    for (const auto& [conversation, seq] : *loaded.delivered) receiving_.outbox.move(user->id, conversation, {seq, {}});
    user->delivered_to = std::max(user->delivered_to, loaded.to);
    receiving_.is_sending = true;  // it belongs to the round that asked for it
    note_delivered(*user);
}

void Engine::State::send_receipts() {
    auto& outbox = receiving_.outbox;
    std::map<EngineIndex, MoveReceipts> messages;
    const auto send = [this](EngineIndex to, MoveReceipts message) {
        if (to == options_.index)
            take_receipts(to, message);
        else
            effects_.push_back(ToEngine{to, std::move(message)});
    };
    for (const auto& item : outbox.take_due(clock_.tick(), kMovesATick, receiving_.is_sending)) {
        const auto to = owner_of(madang::slot_of(item.conversation), options_.engines);
        auto& message = messages[to];
        message.items.push_back(item);
        if (message.items.size() == kMovesOfMessage) send(to, std::exchange(message, {}));
    }
    for (auto& [to, message] : messages)
        if (!message.items.empty()) send(to, std::move(message));
    if (receiving_.round.empty() && !outbox.has_fresh()) receiving_.is_sending = false;
}

void Engine::State::take_moved(const ReceiptsMoved& moved) {
    for (const auto& item : moved.items) receiving_.outbox.confirm(item);
}

// ---- at the conversation's engine -----------------------------------------------------------------------------------------------------

void Engine::State::take_receipts(EngineIndex from, const MoveReceipts& message) {
    const auto confirm = [this, from](ReceiptsMoved moved) {
        if (moved.items.empty()) return;
        if (from == options_.index)
            take_moved(moved);
        else
            effects_.push_back(ToEngine{from, std::move(moved)});
    };
    ReceiptsMoved moved;
    for (const auto& item : message.items) {
        if (auto* conversation = conversations_.find(item.conversation)) {
            if (merge_receipt(*conversation, item)) moved.items.push_back(item);
        } else if (receiving_.loading < kLoadsMax && has_room_to_park()) {
            ++receiving_.loading;
            when_loaded(item.conversation, [this, item, confirm](Result<ConversationState*> found) {
                --receiving_.loading;
                if (found && (!*found || merge_receipt(**found, item))) confirm({{item}});
            });
        }
    }
    confirm(std::move(moved));
}

// True: the conversation has it, durably with this turn.
bool Engine::State::merge_receipt(ConversationState& conversation, const MoveReceipts::Item& item) {
    auto& receipts = conversation.receipts;
    if (!conversation.log.find_member(item.user)) return true;  // of nobody
    if (!store_.has_space()) return receipts.of(item.user).covers(item.receipt);
    if (!receipts.merge(item.user, item.receipt)) return true;
    put(Table::receipt, receipt_key(item.conversation, item.user), receipts.of(item.user), madang::slot_of(item.conversation));
    touch(conversation);
    ++figures_.receipts;
    if (!std::exchange(conversation.has_receipts_to_tell, true)) receiving_.to_tell.push_back(item.conversation);
    return true;
}

void Engine::State::tell_receipts() {
    auto& queue = receiving_.to_tell;
    std::size_t budget = kSignalsATick;
    for (auto looks = queue.size(); looks > 0 && budget > 0; --looks) {
        const auto id = queue.front();
        queue.pop_front();
        auto* conversation = conversations_.find(id);
        if (!conversation) continue;  // dropped meanwhile: signals may be
        conversation->has_receipts_to_tell = false;
        const std::size_t members = conversation->log.conversation().members_count;
        const bool tells = members <= options_.limits.fan_out_members_max;
        const auto members_max = tells ? std::max<std::size_t>(budget / std::max<std::size_t>(members, 1), 1) : ~std::size_t{0};
        std::vector<ReceiptSignal> news;
        conversation->receipts.take_news(id, members_max, [&](const ReceiptSignal& each) {
            const auto* member = conversation->log.find_member(each.user);
            if (tells && member && member->present()) news.push_back(each);
        });
        if (conversation->receipts.has_news()) {
            conversation->has_receipts_to_tell = true;
            queue.push_back(id);
        }
        if (news.empty()) continue;
        budget -= std::min(budget, news.size() * members);
        const auto only = news.front().user == news.back().user ? news.front().user : UserId{};
        std::map<EngineIndex, std::vector<UserId>> to;
        for (const auto& member : conversation->log.members())
            if (member.present() && member.user.id != only) to[engine_of(member.user.id)].push_back(member.user.id);
        for (auto& [engine, users] : to) {
            ReceiptNote note{++receiving_.last_note, news, std::move(users)};
            if (engine == options_.index)
                take_receipt_note(engine, note);
            else
                effects_.push_back(ToEngine{engine, std::move(note)});
        }
    }
}

// ---- at the other members' engines ----------------------------------------------------------------------------------------------------

void Engine::State::take_receipt_note(EngineIndex from, const ReceiptNote& note) {
    auto& newest = receiving_.newest_note[from];
    if (note.number <= newest && !mutant(Mutant::receipts_overtake)) return;
    newest = note.number;
    std::vector<Signalling> all;
    for (const auto& receipt : note.receipts) all.push_back({receipt, {}});
    for (const auto id : note.to) {
        const auto* user = users_.find(id);  // whoever is not in memory has no socket
        if (!user || user->subscriptions.empty()) continue;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto of = note.receipts[i].user;
            if (of == id || (is_blocked(*user, of) && !mutant(Mutant::receipts_to_blocked))) continue;
            for (const auto& each : user->subscriptions)
                if (each.is_present) all[i].to.push_back({each.gateway, each.session});
        }
    }
    for (auto& each : all) {
        figures_.receipt_signals += each.to.size();
        if (!each.to.empty()) effects_.push_back(std::move(each));
    }
}

}  // namespace madang
