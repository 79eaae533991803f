#include "net/token.hpp"

#include <algorithm>
#include <span>

#include "base/base64url.hpp"

namespace madang::net {
namespace {

constexpr std::size_t kTokenBytes = 48;  // need no padding: 64 characters
using Bytes = std::array<std::uint8_t, kTokenBytes>;

void put(std::span<std::uint8_t> at, std::uint64_t value) {
    for (std::size_t i = 8; i-- > 0; value >>= 8) at[i] = static_cast<std::uint8_t>(value);
}

std::uint64_t get(std::span<const std::uint8_t> at) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) value = value << 8 | at[i];
    return value;
}

}  // namespace

std::string encode_token(const Token& token) {
    Bytes bytes;
    put(std::span{bytes}.subspan(0, 8), token.user.value);
    put(std::span{bytes}.subspan(8, 8), token.device.value);
    std::ranges::copy(token.secret, bytes.begin() + 16);
    return encode_base64url(bytes);
}

std::optional<Token> parse_token(std::string_view text) {
    Bytes bytes;
    if (!decode_base64url(text, bytes)) return std::nullopt;
    Token token;
    token.user = UserId{get(std::span{bytes}.subspan(0, 8))};
    token.device = DeviceId{get(std::span{bytes}.subspan(8, 8))};
    std::ranges::copy(std::span{bytes}.subspan(16), token.secret.begin());
    if (!token.user || !token.device) return std::nullopt;
    return token;
}

}  // namespace madang::net
