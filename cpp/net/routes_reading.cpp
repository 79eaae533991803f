// What is the caller's own of a conversation.
#include <utility>

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

void update_view(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    const auto patch = wire::parse_view_patch(call.request().body);
    if (!patch) return call.refuse(patch.error());
    call.ask<ConversationView>(UpdateView{call.actor(), *conversation, patch->pinned, patch->archived, patch->muted_until},
                               [](Call& asked, const ConversationView& view) {
                                   std::string json;
                                   append_view(json, view);
                                   asked.answer(200, std::move(json));
                               });
}

}  // namespace madang::net
