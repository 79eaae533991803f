#include "base/random.hpp"

#include <array>

#include <gtest/gtest.h>

#include "base/digest.hpp"

namespace madang::test {
namespace {

TEST(SeededRandom, repeats_from_its_seed) {
    SeededRandom one(7), same(7), other(8);
    std::array<std::uint8_t, 16> a{}, b{};
    for (int i = 0; i < 100; ++i) EXPECT_EQ(one.next(), same.next());
    one.fill(a);
    same.fill(b);
    EXPECT_EQ(a, b);
    EXPECT_NE(one.next(), other.next());
}

TEST(SecureRandom, fills_everything_and_does_not_repeat) {
    init_crypto();
    SecureRandom random;
    EXPECT_NE(random.next(), random.next());
    // A byte that stays zero in 8 fills is one that was never written (1 in 2^64 otherwise).
    std::array<std::uint8_t, 33> seen{};
    for (int i = 0; i < 8; ++i) {
        std::array<std::uint8_t, 33> bytes{};
        random.fill(bytes);
        for (std::size_t k = 0; k < bytes.size(); ++k) seen[k] |= bytes[k];
    }
    for (const auto byte : seen) EXPECT_NE(byte, 0);
}

}  // namespace
}  // namespace madang::test
