#include "base/random.hpp"

#include <sodium.h>

namespace madang {

std::uint64_t SecureRandom::next() {
    std::uint64_t value;
    randombytes_buf(&value, sizeof value);
    return value;
}

void SecureRandom::fill(std::span<std::uint8_t> bytes) { randombytes_buf(bytes.data(), bytes.size()); }

}  // namespace madang
