// Sending, history, and the inbox by polling.
#include <utility>

#include "net/routes.hpp"
#include "wire/bodies.hpp"
#include "wire/events.hpp"
#include "wire/held.hpp"
#include "wire/json_writer.hpp"
#include "wire/objects.hpp"

namespace madang::net {
namespace {

Result<std::optional<Seq>> seq_parameter(const Query& query, std::string_view name) {
    const auto value = query.number(name);
    if (!value) return std::unexpected(value.error());
    return *value ? std::optional{Seq{**value}} : std::nullopt;
}

Result<History> history_request(const Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return std::unexpected(conversation.error());
    History request{.actor = call.actor(), .conversation = *conversation, .before = {}, .after = {}, .around = {}};
    const auto before = seq_parameter(call.query(), "before");
    if (!before) return std::unexpected(before.error());
    const auto after = seq_parameter(call.query(), "after");
    if (!after) return std::unexpected(after.error());
    const auto around = seq_parameter(call.query(), "around");
    if (!around) return std::unexpected(around.error());
    if (before->has_value() + after->has_value() + around->has_value() > 1)
        return fail(Code::bad_request, "give at most one of `before`, `after` and `around`");
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return std::unexpected(limit.error());
    request.before = *before;
    request.after = *after;
    request.around = *around;
    request.limit = *limit;
    return request;
}

void answer_history(Call& call, const HistoryPage& page) {
    std::string json = R"({"messages":[)";
    for (const auto& entry : page.messages) {
        if (json.back() != '[') json += ',';
        wire::append_message(json, *entry);
    }
    json += R"(],"has_more_before":)";
    wire::append_bool(json, page.has_more_before);
    json += R"(,"has_more_after":)";
    wire::append_bool(json, page.has_more_after);
    json += '}';
    call.answer(200, std::move(json));
}

}  // namespace

void send_message(Call& call) {
    const auto conversation = call.path_id<ConversationId>(0);
    if (!conversation) return call.refuse(conversation.error());
    auto body = wire::parse_message(call.request().body);
    if (!body) return call.refuse(body.error());
    if (!call.may_send(body->text.size())) return;
    Send request{call.actor(), *conversation, UserId{}, std::move(body->client_id), std::move(body->text)};
    call.core().submit(std::move(request), [self = call.shared_from_this()](Result<Response> response) {
        if (!response) return self->refuse(response.error());
        std::string json;
        if (const auto* held = std::get_if<Held>(&*response)) {
            json = R"({"held":)";
            wire::append_held(json, held->id, held->client_id, held->reason);
            json += '}';
            return self->answer(202, std::move(json));
        }
        const auto& sent = std::get<Sent>(*response);
        wire::append_message(json, *sent.entry);
        self->answer(sent.repeated ? 200 : 201, std::move(json));
    });
}

void get_history(Call& call) {
    const auto request = history_request(call);
    if (!request) return call.refuse(request.error());
    call.ask<HistoryPage>(*request, answer_history);
}

void sync(Call& call) {
    const auto cursor = call.query().number("cursor");
    if (!cursor) return call.refuse(cursor.error());
    if (!*cursor) return call.refuse({Code::bad_request, "parameter `cursor` is missing"});
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    const auto wait = call.query().duration("wait");
    if (!wait) return call.refuse(wait.error());
    Sync request{call.actor(), Cursor{**cursor}, *limit, std::min<Millis>(*wait, call.limits().long_poll_max)};
    const auto poll = call.ask<SyncPage>(request, [](Call& asked, const SyncPage& page) {
        std::string json;
        wire::append_sync_page(json, page.events, page.cursor, page.more, asked.actor().user);
        asked.answer(200, std::move(json));
    });
    // Or the account would count as attached for as long as the poll might have waited.
    if (poll != 0 && *wait > Millis{0})
        call.when_abandoned([&core = call.core(), user = call.actor().user, poll] { core.submit(EndPoll{user, poll}); });
}

}  // namespace madang::net
