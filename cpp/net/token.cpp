#include "net/token.hpp"

#include <algorithm>
#include <span>

namespace madang::net {
namespace {

constexpr std::size_t kTokenBytes = 48;
constexpr std::size_t kTokenChars = 64;  // 48 bytes need no padding
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
using Bytes = std::array<std::uint8_t, kTokenBytes>;

constexpr auto kValues = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
    return values;
}();

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
    std::string text;
    text.reserve(kTokenChars);
    for (std::size_t at = 0; at < kTokenBytes; at += 3) {
        const auto three = static_cast<std::uint32_t>(bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2]);
        for (int shift = 18; shift >= 0; shift -= 6) text += kAlphabet[three >> shift & 63];
    }
    return text;
}

std::optional<Token> parse_token(std::string_view text) {
    if (text.size() != kTokenChars) return std::nullopt;
    Bytes bytes;
    for (std::size_t at = 0; at < kTokenChars; at += 4) {
        std::uint32_t three = 0;
        for (const char c : text.substr(at, 4)) {
            const auto value = kValues[static_cast<unsigned char>(c)];
            if (value < 0) return std::nullopt;
            three = three << 6 | static_cast<std::uint32_t>(value);
        }
        for (std::size_t i = 0; i < 3; ++i) bytes[at / 4 * 3 + i] = static_cast<std::uint8_t>(three >> (16 - 8 * i));
    }
    Token token;
    token.user = UserId{get(std::span{bytes}.subspan(0, 8))};
    token.device = DeviceId{get(std::span{bytes}.subspan(8, 8))};
    std::ranges::copy(std::span{bytes}.subspan(16), token.secret.begin());
    if (!token.user || !token.device) return std::nullopt;
    return token;
}

}  // namespace madang::net
