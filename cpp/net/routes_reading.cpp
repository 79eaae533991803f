// What is the caller's own of a conversation.
#include "net/routes.hpp"
#include "wire/bodies.hpp"
#include "wire/objects.hpp"

namespace madang::net {

void mark_read(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    const auto seq = wire::parse_read(call.request().body);
    if (!seq) return call.refuse(seq.error());
    call.ask<ReadState>(MarkRead{call.actor(), *conversation, *seq}, [](Call& asked, const ReadState& state) {
        std::string json = "{";
        wire::append_read_state(json, state.seq, state.unread, state.unread_mentions);
        asked.answer(200, json += '}');
    });
}

}  // namespace madang::net
