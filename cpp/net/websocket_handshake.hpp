// The opening handshake of RFC 6455 §4.2, and the token that comes with it.
// Immutable, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/http_message.hpp"

namespace madang::net {

inline constexpr std::string_view kSubprotocol = "madang.v1";

// The bearer token of a request: from the Authorization field or, if `in_subprotocols`, from an offered `bearer.<token>`, because a browser
// can't set that field on a WebSocket.
std::optional<std::string> bearer_of(const HttpRequest& request, bool in_subprotocols);

// The 101 answer. Errors: bad_request: not a WebSocket handshake of version 13, or other subprotocols than ours.
Result<HttpAnswer> accept_handshake(const HttpRequest& request);

}  // namespace madang::net
