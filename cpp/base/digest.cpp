#include "base/digest.hpp"

#include <algorithm>

#include <sodium.h>

#include "base/result.hpp"

namespace madang {
namespace {

constexpr std::uint64_t kFnvOffset = 0xCBF29CE484222325ull;
constexpr std::uint64_t kFnvPrime = 0x100000001B3ull;

const unsigned char* as_bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Slot slot_of_hash(std::string_view bytes) { return static_cast<Slot>(stable_hash(bytes) & (kSlots - 1)); }

}  // namespace

void init_crypto() { MADANG_ASSERT(sodium_init() >= 0); }

Digest128 keyed_digest(const DigestKey& key, std::string_view text) {
    static_assert(sizeof(Digest128) == crypto_generichash_BYTES_MIN && sizeof(DigestKey) == crypto_generichash_KEYBYTES);
    Digest128 digest;
    crypto_generichash(digest.data(), digest.size(), as_bytes(text), text.size(), key.data(), key.size());
    return digest;
}

Digest256 sha256(std::span<const std::uint8_t> bytes) {
    static_assert(sizeof(Digest256) == crypto_hash_sha256_BYTES);
    Digest256 digest;
    crypto_hash_sha256(digest.data(), bytes.data(), bytes.size());
    return digest;
}

bool equal(const Digest256& a, const Digest256& b) { return sodium_memcmp(a.data(), b.data(), a.size()) == 0; }

std::uint64_t stable_hash(std::string_view bytes) {
    std::uint64_t hash = kFnvOffset;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
    // FNV-1a leaves the low bits of short inputs poorly mixed, and the low bits are the slot.
    hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDull;
    hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53ull;
    return hash ^ (hash >> 33);
}

Slot slot_of_name(std::string_view folded_username) { return slot_of_hash(folded_username); }

Slot slot_of_pair(UserId a, UserId b) {
    const auto [low, high] = std::minmax(a, b);
    std::array<char, 16> bytes;
    for (unsigned i = 0; i < 8; ++i) {
        bytes[i] = static_cast<char>(low.value >> (56 - 8 * i));
        bytes[8 + i] = static_cast<char>(high.value >> (56 - 8 * i));
    }
    return slot_of_hash({bytes.data(), bytes.size()});
}

}  // namespace madang
