// Editing and deleting messages, and the list of mentions.
#include <utility>

#include "net/routes.hpp"
#include "wire/bodies.hpp"
#include "wire/objects.hpp"

namespace madang::net {
namespace {

struct MessagePlace {
    ConversationId conversation;
    Seq seq;
};

Result<MessagePlace> message_of(const Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return std::unexpected(conversation.error());
    const auto seq = call.path_id<Seq>(1);
    if (!seq) return std::unexpected(seq.error());
    return MessagePlace{*conversation, *seq};
}

void answer_message(Call& call, const Sent& sent) {
    std::string json;
    wire::append_message(json, *sent.entry);
    call.answer(200, std::move(json));
}

void append_mention(std::string& out, const EntryPtr& message) {
    out += R"({"conversation_id":")";
    out += to_string(message->conversation_id);
    out += R"(","seq":)";
    out += to_string(message->seq);
    out += R"(,"message":)";
    wire::append_message(out, *message);
    out += '}';
}

}  // namespace

void edit_message(Call& call) {
    const auto place = message_of(call);
    if (!place) return call.refuse(place.error());
    auto text = wire::parse_message_patch(call.request().body);
    if (!text) return call.refuse(text.error());
    if (!call.may_send(text->size())) return;
    call.ask<Sent>(EditMessage{call.actor(), place->conversation, place->seq, *std::move(text)}, answer_message);
}

void delete_message(Call& call) {
    const auto place = message_of(call);
    if (!place) return call.refuse(place.error());
    if (!call.may_send(0)) return;
    call.ask<Sent>(DeleteMessage{call.actor(), place->conversation, place->seq}, answer_message);
}

void list_mentions(Call& call) {
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    const auto next = call.query().number("next");
    if (!next) return call.refuse(next.error());
    ListMentions request{call.actor(), *limit, {}};
    if (*next) request.before = MessageId{**next};
    call.ask<MentionPage>(request, [](Call& asked, const MentionPage& page) {
        std::string json;
        wire::append_list(json, "mentions", page.messages, page.next ? to_string(*page.next) : "", append_mention);
        asked.answer(200, std::move(json));
    });
}

}  // namespace madang::net
