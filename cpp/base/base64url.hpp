// base64url without padding (RFC 4648 §5), for whole groups of three bytes only, so that one value has one text. Immutable, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace madang {

// The number of bytes must be a multiple of three.
std::string encode_base64url(std::span<const std::uint8_t> bytes);
// False unless the text is exactly what encode_base64url makes of so many bytes; `out` is unspecified then.
bool decode_base64url(std::string_view text, std::span<std::uint8_t> out);

}  // namespace madang
