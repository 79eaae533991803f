#include "net/websocket_handshake.hpp"

#include <array>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "net/ascii.hpp"

namespace madang::net {
namespace {

constexpr std::size_t kKeyChars = 24;  // base64 of 16 bytes

std::string accept_key(std::string_view key) {
    const auto text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::array<unsigned char, 32> base64;
    const int size = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
    return {reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(size)};
}

bool has_item(const HttpRequest& request, std::string_view field, std::string_view item) {
    return any_item(request.field(field), [&](std::string_view each) { return equal_ignoring_case(each, item); });
}

}  // namespace

std::optional<std::string> bearer_of(const HttpRequest& request, bool in_subprotocols) {
    constexpr std::string_view kScheme = "bearer ";
    const auto authorization = request.field("Authorization");
    if (authorization.size() > kScheme.size() && equal_ignoring_case(std::string_view(authorization).substr(0, kScheme.size()), kScheme))
        return std::string(trimmed(std::string_view(authorization).substr(kScheme.size())));
    std::optional<std::string> token;
    if (!in_subprotocols) return token;
    any_item(request.field("Sec-WebSocket-Protocol"), [&](std::string_view offered) {
        constexpr std::string_view kPrefix = "bearer.";
        if (offered.starts_with(kPrefix)) token = offered.substr(kPrefix.size());
        return token.has_value();
    });
    return token;
}

Result<HttpAnswer> accept_handshake(const HttpRequest& request) {
    if (!request.is_http_11 || !has_item(request, "Upgrade", "websocket") || !has_item(request, "Connection", "upgrade"))
        return fail(Code::bad_request, "this path takes WebSocket handshakes only");
    if (request.field("Sec-WebSocket-Version") != "13") return fail(Code::bad_request, "`Sec-WebSocket-Version` must be 13");
    const auto key = request.field("Sec-WebSocket-Key");
    if (key.size() != kKeyChars) return fail(Code::bad_request, "`Sec-WebSocket-Key` must be 16 bytes in base64");
    const bool offers_any = !request.field("Sec-WebSocket-Protocol").empty();
    // Who offers nothing at all, like simple tools, is taken to mean the only one there is.
    if (offers_any && !has_item(request, "Sec-WebSocket-Protocol", kSubprotocol))
        return fail(Code::bad_request, "offer the subprotocol `" + std::string(kSubprotocol) + "`");
    HttpAnswer answer{101, {}, {}, {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept_key(key)}}};
    if (offers_any) answer.fields.emplace_back("Sec-WebSocket-Protocol", std::string(kSubprotocol));
    return answer;
}

}  // namespace madang::net
