// Randomness is injected, so that a simulation repeats from its seed.
#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace madang {

class Random {
  public:
    virtual ~Random() = default;
    virtual std::uint64_t next() = 0;
    virtual void fill(std::span<std::uint8_t> bytes) = 0;
};

// From the kernel through libsodium: for tokens and keys. Any thread.
class SecureRandom final : public Random {
  public:
    std::uint64_t next() override;
    void fill(std::span<std::uint8_t> bytes) override;
};

// Repeatable; for tests and the simulator only. External synchronisation.
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t next() override { return engine_(); }
    void fill(std::span<std::uint8_t> bytes) override {
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(engine_());
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace madang
