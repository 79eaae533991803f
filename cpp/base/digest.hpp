// Hashes and random bytes; with password.cpp the only place that knows libsodium.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ids.hpp"

namespace madang {

using Digest128 = std::array<std::uint8_t, 16>;
using Digest256 = std::array<std::uint8_t, 32>;
using DigestKey = std::array<std::uint8_t, 32>;

// Must be called once before anything else here; idempotent. Ends the process if the kernel gives no randomness.
void init_crypto();

// Keyed BLAKE2b (RFC 7693), 128 bits: "was it the same text?" without keeping the text twice.
Digest128 keyed_digest(const DigestKey& key, std::string_view text);
// SHA-256 (FIPS 180-4) of a token's secret: what the store keeps instead of the token.
Digest256 sha256(std::span<const std::uint8_t> bytes);
// Constant time.
bool equal(const Digest256& a, const Digest256& b);

// Stable for ever (slots are stored inside ids): FNV-1a with the finaliser of MurmurHash3.
std::uint64_t stable_hash(std::string_view bytes);
Slot slot_of_name(std::string_view folded_username);
// The pair's slot: of its direct conversation, of its friend state and its blocks. Order of the two does not matter.
Slot slot_of_pair(UserId a, UserId b);

}  // namespace madang
