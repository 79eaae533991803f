// Sending: idempotency first, then membership, then the one append.
#include "base/mutant.hpp"
#include "base/text.hpp"
#include "chat/engine_state.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr std::size_t kClientIdChars = 64;

}  // namespace

void Engine::State::on(const ReplyTo& from, Send&& request) {
    const auto id_chars = code_points(request.client_id);
    if (id_chars == 0 || id_chars > kClientIdChars) return refuse(from, {Code::bad_request, "client_id has 1 to 64 characters", {}});
    if (request.text.empty()) return refuse(from, {Code::bad_request, "text is empty", {}});
    if (request.text.size() > options_.limits.text_chars && code_points(request.text) > options_.limits.text_chars)
        return refuse(from, {Code::text_too_long, "text is longer than " + std::to_string(options_.limits.text_chars) + " characters", {}});
    if (request.peer) {
        const auto actor = request.actor;
        const auto peer = request.peer;
        if (checks_.are_on() && actor.user != peer) {
            const auto pair = find_pair(actor.user, peer);
            if (!pair) return refuse(from, pair.error());
            if (!pair->direct && !pair->is_closed()) return check_first(from, std::move(request));
        }
        return with_direct(from, actor, peer, [this, from, request = std::move(request)](ConversationState& conversation, bool) mutable {
            send(from, conversation, std::move(request));
        });
    }
    const auto id = request.conversation;
    with_conversation(from, id, [this, from, request = std::move(request)](ConversationState& conversation) mutable {
        send(from, conversation, std::move(request));
    });
}

bool Engine::State::answer_repeat(const ReplyTo& from, ConversationId conversation, const Send& request, const std::string& key,
                                  const Digest128& digest) {
    const auto held = [&](const SendKey& known) { reply(from, Held{known.held, request.client_id, known.reason}); };
    const auto reused = [&] { refuse(from, {Code::client_id_reused, "this client_id was used for another text", {}}); };
    if (const auto flying = sends_in_flight_.find(key); flying != sends_in_flight_.end()) {
        const auto& known = flying->second.key;
        if (!known.seq && !known.held) return false;
        if (known.text_digest != digest)
            reused();
        else if (known.held)
            held(known);
        else
            reply(from, Sent{flying->second.entry, true});
        return true;
    }
    const auto stored = store_.get(Table::send_key, key);
    if (stored && !*stored) return false;
    const auto known = stored ? decode_send_key(**stored) : Result<SendKey>(std::unexpected(stored.error()));
    if (!known) {
        refuse(from, known.error());
    } else if (known->text_digest != digest) {
        reused();
    } else if (known->held) {
        held(*known);
    } else {
        Send repeat{.actor = request.actor, .conversation = conversation, .peer = {}, .client_id = request.client_id, .text = {}};
        effects_.push_back(Read{Query{.to = from, .request = std::move(repeat)}});
    }
    return true;
}

void Engine::State::send(const ReplyTo& from, ConversationState& conversation, Send&& request) {
    const auto id = conversation.log.id();
    const auto sender = request.actor.user;
    auto key = send_key(id, sender, request.client_id);
    const auto digest = keyed_digest(options_.text_key, request.text);
    if (answer_repeat(from, id, request, key, digest)) return;
    if (checks_.are_on()) {
        const auto lane = lane_of(conversation, sender);
        if (answer_waiting_repeat(from, lane, request, digest)) return;
        if (const auto may = may_store(conversation, sender); !may) return refuse(from, may.error());
        check(from, &conversation, lane, std::move(request), digest, {});
        return;
    }
    if (!lanes_.empty() && lanes_.contains({id, sender}) && !mutant(Mutant::edit_overtaken))
        return wait_in_lane(from, {id, sender}, std::move(request));
    send_now(from, conversation, std::move(request), std::move(key), digest);
}

void Engine::State::send_now(const ReplyTo& from, ConversationState& conversation, Send&& request, std::string key,
                             const Digest128& digest) {
    const auto sender = request.actor.user;
    if (const auto may = may_store(conversation, sender); !may) return refuse(from, may.error());
    const auto entry = store_message(conversation, sender, std::move(key), std::move(request.client_id), std::move(request.text), digest);
    reply(from, Sent{entry, false});
    publish(conversation, entry);
}

Error Engine::State::closed(const ConversationState& conversation) {
    const auto is_gone = conversation.pair.gone[0] || conversation.pair.gone[1];
    return {Code::blocked, is_gone ? "the account of this user was deleted" : "a block stands between you and this user", {}};
}

Result<> Engine::State::may_store(const ConversationState& conversation, UserId sender) const {
    if (const auto may = conversation.log.may_write(sender, clock_.now()); !may) return std::unexpected(may.error());
    if (conversation.pair.is_closed()) return std::unexpected(closed(conversation));
    if (!store_.has_space()) return fail(Code::storage_full, "the server's disk is full", Millis{5'000});
    if (pending_.size() >= options_.limits.fan_out_pending)
        return fail(Code::unavailable, "too many messages are still on their way to inboxes", Millis{500});
    return {};
}

EntryPtr Engine::State::store_message(ConversationState& conversation, UserId sender, std::string key, std::string client_id,
                                      std::string text, const Digest128& digest, bool shadowed) {
    const auto entry = conversation.log.append_message(ids_, sender, std::move(client_id), std::move(text), clock_.now(), shadowed);
    reserve_ids(entry->message.id);
    put_send_key(std::move(key), {.seq = entry->seq, .text_digest = digest}, entry, madang::slot_of(conversation.log.id()));
    ++figures_.messages;
    if (shadowed) ++figures_.shadowed;
    return entry;
}

void Engine::State::put_send_key(std::string key, const SendKey& row, EntryPtr entry, Slot slot) {
    if (!row.seq && !row.held)
        erase(Table::send_key, key, slot);
    else if (!mutant(Mutant::forget_send_key))
        put(Table::send_key, key, row, slot);
    in_flight_.push_back({this_turn(), Table::send_key, key});
    sends_in_flight_.insert_or_assign(std::move(key), InFlightSend{row, std::move(entry), this_turn()});
}

}  // namespace madang
