// The bearer token: base64url(user_id ‖ device_id ‖ 32 random bytes), 64 characters. The two ids say which engine to ask; what proves
// anything is the random part, of which the server keeps a hash.
// Immutable, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/ids.hpp"

namespace madang::net {

using TokenSecret = std::array<std::uint8_t, 32>;

struct Token {
    UserId user;
    DeviceId device;
    TokenSecret secret{};

    Digest256 secret_hash() const { return sha256(secret); }
};

std::string encode_token(const Token& token);
// Empty on anything that encode_token can't have made.
std::optional<Token> parse_token(std::string_view text);

}  // namespace madang::net
