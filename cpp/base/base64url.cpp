#include "base/base64url.hpp"

#include <array>

#include "base/result.hpp"

namespace madang {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr auto kValues = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
    return values;
}();

}  // namespace

std::string encode_base64url(std::span<const std::uint8_t> bytes) {
    MADANG_ASSERT(bytes.size() % 3 == 0);
    std::string text;
    text.reserve(bytes.size() / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto three = static_cast<std::uint32_t>(bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2]);
        for (int shift = 18; shift >= 0; shift -= 6) text += kAlphabet[three >> shift & 63];
    }
    return text;
}

bool decode_base64url(std::string_view text, std::span<std::uint8_t> out) {
    if (out.size() % 3 != 0 || text.size() != out.size() / 3 * 4) return false;
    for (std::size_t at = 0; at < text.size(); at += 4) {
        std::uint32_t three = 0;
        for (const char c : text.substr(at, 4)) {
            const auto value = kValues[static_cast<unsigned char>(c)];
            if (value < 0) return false;
            three = three << 6 | static_cast<std::uint32_t>(value);
        }
        for (std::size_t i = 0; i < 3; ++i) out[at / 4 * 3 + i] = static_cast<std::uint8_t>(three >> (16 - 8 * i));
    }
    return true;
}

}  // namespace madang
