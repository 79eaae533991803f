#include "base/digest.hpp"

#include <numeric>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace madang::test {
namespace {

template <typename Bytes>
std::string hex(const Bytes& bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const auto byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

Digest256 sha256_of(std::string_view text) { return sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }

class Digest : public testing::Test {
  protected:
    static void SetUpTestSuite() { init_crypto(); }
};

TEST_F(Digest, sha256_agrees_with_the_vectors_of_the_standard) {
    EXPECT_EQ(hex(sha256_of("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex(sha256_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// From Python: hashlib.blake2b(text, digest_size=16, key=bytes(range(32))).
TEST_F(Digest, keyed_digest_agrees_with_another_implementation) {
    DigestKey key;
    std::iota(key.begin(), key.end(), std::uint8_t{0});
    EXPECT_EQ(hex(keyed_digest(key, "")), "3daf97bce7888fd59773c66bf647459c");
    EXPECT_EQ(hex(keyed_digest(key, "hello")), "b6cd31b2100d036e7bfa834e88e5b054");
    EXPECT_EQ(hex(keyed_digest(key, "안녕")), "54cc1dfdab2384425b4a8f5be808026d");
    key[31] ^= 1;
    EXPECT_NE(hex(keyed_digest(key, "hello")), "b6cd31b2100d036e7bfa834e88e5b054");
}

TEST_F(Digest, digests_are_equal_only_byte_for_byte) {
    const auto one = sha256_of("a");
    auto other = one;
    EXPECT_TRUE(equal(one, other));
    for (std::size_t i = 0; i < other.size(); ++i) {
        other[i] ^= 0x80;
        EXPECT_FALSE(equal(one, other));
        other[i] ^= 0x80;
    }
}

// Slots are inside stored ids: these numbers never change.
TEST_F(Digest, the_stable_hash_is_fixed) {
    EXPECT_EQ(stable_hash(""), 0xEFD01F60BA992926ull);
    EXPECT_EQ(stable_hash("alice"), 0x3507D047A67C08F4ull);
    EXPECT_EQ(slot_of_name("alice"), 0x3507D047A67C08F4ull & 4095);
    EXPECT_EQ(slot_of_pair(UserId{1}, UserId{2}), 1041);
}

TEST_F(Digest, a_pair_has_one_slot_whoever_asks) {
    EXPECT_EQ(slot_of_pair(UserId{1ull << 40}, UserId{77}), slot_of_pair(UserId{77}, UserId{1ull << 40}));
}

TEST_F(Digest, names_and_pairs_spread_over_the_slots) {
    std::array<int, kSlots> names{}, pairs{};
    for (unsigned i = 0; i < 20 * kSlots; ++i) {
        ++names[slot_of_name("user" + std::to_string(i))];
        ++pairs[slot_of_pair(UserId{std::uint64_t{i} << 22 | 5}, UserId{9})];
    }
    // 20 are expected; a Poisson variable leaves this range in fewer than one of a million slots.
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        EXPECT_GT(names[slot], 1);
        EXPECT_LT(names[slot], 48);
        EXPECT_GT(pairs[slot], 1);
        EXPECT_LT(pairs[slot], 48);
    }
}

}  // namespace
}  // namespace madang::test
