#include "base/password.hpp"

#include <array>
#include <cstddef>
#include <new>

#include <sodium.h>

namespace madang {
namespace {

constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemoryBytes = 19 << 20;

}  // namespace

std::string hash_password(std::string_view password) {
    std::array<char, crypto_pwhash_STRBYTES> hash{};
    // It fails only when the memory can't be had.
    if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), kPasses, kMemoryBytes, crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw std::bad_alloc();
    return hash.data();
}

bool verify_password(std::string_view password, std::string_view hash) {
    if (hash.empty()) {
        // The same work as for a known user.
        hash_password(password);
        return false;
    }
    if (hash.size() >= crypto_pwhash_STRBYTES) return false;
    const std::string terminated(hash);
    return crypto_pwhash_str_verify(terminated.c_str(), password.data(), password.size()) == 0;
}

}  // namespace madang
