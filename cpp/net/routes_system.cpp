// Service discovery, the door to the WebSocket, and what operators ask.
#include <string>
#include <utility>

#include "net/published.hpp"
#include "net/routes.hpp"
#include "net/websocket_handshake.hpp"
#include "wire/objects.hpp"

namespace madang::net {
namespace {

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

}  // namespace

void list_servers(Call& call) {
    const auto addresses = call.core().discovery().servers(call.query().find("region").value_or(""));
    std::string json;
    wire::append_list(json, "servers", addresses, "", [](std::string& out, const ServerAddress& address) {
        wire::append_server(out, {address.url, address.region, address.load});
    });
    call.answer(200, std::move(json));
}

void connect(Call& call) {
    const auto& request = call.request();
    const auto origin = request.field("Origin");
    // A browser lets any page open a WebSocket here; only the server can say no.
    if (!origin.empty() && !call.origins().allows(origin, request.field("Host")))
        return call.refuse({Code::forbidden, "this origin is not allowed"});
    if (call.is_draining()) return call.refuse({Code::unavailable, "the server is going away", std::chrono::seconds{1}});
    auto answer = accept_handshake(request);
    if (!answer) return call.refuse_as(426, answer.error(), {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}});
    call.upgrade(*std::move(answer));
}

void healthz(Call& call) { call.answer_text(200, kPlainText, "ok\n"); }

void readyz(Call& call) {
    if (call.core().is_ready()) return call.answer_text(200, kPlainText, "ready\n");
    call.refuse({Code::unavailable, "not ready", std::chrono::seconds{1}});
}

void metrics(Call& call) { call.answer_text(200, "text/plain; version=0.0.4; charset=utf-8", call.core().metrics()); }

void openapi(Call& call) { call.answer(200, std::string(kOpenApi)); }

void asyncapi(Call& call) { call.answer(200, std::string(kAsyncApi)); }

}  // namespace madang::net
