// Messages that wait for a reviewer: a row in the queue and the key of the send, no entry of the log. Releasing one is the one append that
// makes the message, as if it were sent now.
#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

Error not_waiting(const char* why) { return {Code::not_found, why, {}}; }

}  // namespace

void Engine::State::load_held() {
    const auto scanned =
        store_.scan(Table::held, held_key(HeldId{}), held_key(HeldId{~std::uint64_t{0}}), Order::ascending, [&](auto key, auto value) {
            const HeldId id{id_in(key)};
            if (!owns(madang::slot_of(id))) return true;
            const auto held = decode_held(id, value);
            if (held) held_.add(*held);
            return true;
        });
    MADANG_ASSERT(scanned.has_value());
}

// As of all that this engine has written, durable or not.
Result<std::optional<HeldMessage>> Engine::State::find_held(HeldId id) const {
    if (const auto flying = held_in_flight_.find(id); flying != held_in_flight_.end()) return flying->second.message;
    const auto bytes = store_.get(Table::held, held_key(id));
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return std::optional<HeldMessage>{};
    return decode_held(id, **bytes);
}

void Engine::State::put_held(const HeldMessage& held) {
    const auto key = held_key(held.id);
    put(Table::held, key, held, madang::slot_of(held.id));
    held_in_flight_[held.id] = {held, this_turn()};
    in_flight_.push_back({this_turn(), Table::held, std::string(std::string_view(key))});
}

void Engine::State::forget_held(HeldId id) {
    const auto found = held_in_flight_.find(id);
    if (found != held_in_flight_.end() && found->second.ticket <= durable_) held_in_flight_.erase(found);
}

Result<Engine::State::Stored> Engine::State::hold(const ConversationState& conversation, UserId sender, std::string key,
                                                  const CheckedSend& send) {
    if (const auto may = held_.may_hold(sender, send.call.text.size()); !may) return std::unexpected(may.error());
    const auto& log = conversation.log;
    const auto slot = madang::slot_of(log.id());
    auto id = ids_.held(slot);
    while (held_.knows(id)) id = ids_.held(slot);  // the wall clock went back over a restart
    HeldMessage held{.id = id,
                     .conversation = log.id(),
                     .sender = sender,
                     .sender_username = log.find_member(sender)->user.username,
                     .client_id = send.request.client_id,
                     .text = send.call.text,
                     .text_digest = send.digest,
                     .reason = send.held_because,
                     .created_at = clock_.now()};
    put_held(held);
    held_.add(held);
    put_send_key(std::move(key), {.seq = {}, .text_digest = send.digest, .held = id, .reason = held.reason}, nullptr, slot);
    ++figures_.held;
    return Held{id, std::move(held.client_id), std::move(held.reason)};
}

void Engine::State::on(const ReplyTo& from, ListHeld&& request) { jobs_.push_back(Query{.to = from, .request = request}); }

void Engine::State::on(const ReplyTo& from, Review&& request) {
    const auto held = find_held(request.held);
    if (!held) return refuse(from, held.error());
    if (!*held) return refuse(from, not_waiting("no such message waits for review"));
    if ((*held)->state != HeldMessage::State::waiting && !mutant(Mutant::release_twice)) return answer_decided(from, **held, request);
    if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
    if (!request.release) return refuse_held(from, **held);
    with_conversation(from, (*held)->conversation, [this, from, request](ConversationState& conversation) {
        // Others may have decided while it was loaded.
        auto still = find_held(request.held);
        if (!still) return refuse(from, still.error());
        if (!*still) return refuse(from, not_waiting("no such message waits for review"));
        if ((*still)->state != HeldMessage::State::waiting && !mutant(Mutant::release_twice)) return answer_decided(from, **still, request);
        release(from, conversation, std::move(**still));
    });
}

void Engine::State::answer_decided(const ReplyTo& from, const HeldMessage& held, const Review& request) {
    const auto was_released = held.state == HeldMessage::State::released;
    if (was_released != request.release)
        return refuse(from, not_waiting(was_released ? "this message was released" : "this message was refused"));
    if (!was_released) return reply(from, Reviewed{held.id, nullptr});
    effects_.push_back(Read{Query{.to = from, .request = request}});
}

void Engine::State::decided(HeldMessage held, HeldMessage::State state, Seq seq) {
    held.state = state;
    held.seq = seq;
    held.text.clear();
    held.sender_username.clear();
    put_held(held);
    if (const auto forgotten = held_.decide(held.id)) {
        erase(Table::held, held_key(*forgotten), madang::slot_of(*forgotten));
        held_in_flight_.erase(*forgotten);
    }
}

void Engine::State::discard(const HeldMessage& held) {
    auto key = send_key(held.conversation, held.sender, held.client_id);
    const auto slot = madang::slot_of(held.conversation);
    if (!mutant(Mutant::refuse_keeps_key)) put_send_key(std::move(key), {}, nullptr, slot);
    decided(held, HeldMessage::State::refused, {});
    ++figures_.held_refused;
}

void Engine::State::refuse_held(const ReplyTo& from, const HeldMessage& held) {
    discard(held);
    reply(from, Reviewed{held.id, nullptr});
}

bool Engine::State::discard_held_of(UserId sender) {
    for (const auto id : held_.waiting_of(sender)) {
        const auto held = find_held(id);
        if (!held) return false;
        if (*held) discard(**held);
    }
    return true;
}

void Engine::State::release(const ReplyTo& from, ConversationState& conversation, HeldMessage held) {
    if (const auto may = may_store(conversation, held.sender); !may) {
        auto why = may.error();
        why.detail = "the sender may not write there now: " + why.detail;
        return refuse(from, why);
    }
    auto key = send_key(held.conversation, held.sender, held.client_id);
    const auto entry = store_message(conversation, held.sender, std::move(key), held.client_id, held.text, held.text_digest);
    const auto id = held.id;
    decided(std::move(held), HeldMessage::State::released, entry->seq);
    ++figures_.held_released;
    reply(from, Reviewed{id, entry});
    publish(conversation, entry);
}

}  // namespace madang
