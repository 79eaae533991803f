// The record of the review queue.
#include "store/codec.hpp"
#include "store/records.hpp"

namespace madang {
namespace {

constexpr auto kStateMax = static_cast<std::uint8_t>(HeldMessage::State::refused);

}  // namespace

void encode(const HeldMessage& held, std::string& out) {
    auto w = codec::begin(out);
    w.id(held.conversation);
    w.id(held.sender);
    w.text(held.sender_username);
    w.text(held.client_id);
    w.text(held.text);
    w.raw(held.text_digest);
    w.text(held.reason);
    w.time(held.created_at);
    w.byte(static_cast<std::uint8_t>(held.state));
    w.position(held.seq);
}

Result<HeldMessage> decode_held(HeldId id, std::string_view bytes) {
    auto r = codec::begin(bytes);
    HeldMessage held;
    held.id = id;
    held.conversation = r.id<ConversationId>();
    held.sender = r.id<UserId>();
    held.sender_username = r.text();
    held.client_id = r.text();
    held.text = r.text();
    held.text_digest = r.raw<Digest128>();
    held.reason = r.text();
    held.created_at = r.time();
    held.state = r.enumerator<HeldMessage::State>(kStateMax);
    held.seq = r.position<Seq>();
    if ((held.state == HeldMessage::State::released) != static_cast<bool>(held.seq)) r.spoil();
    return codec::finish(r, std::move(held), "held message", id.value);
}

}  // namespace madang
