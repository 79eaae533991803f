// Every choice of a run, from its seed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/random.hpp"

namespace madang::sim {

using Micros = std::chrono::microseconds;

class Dice {
  public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}

    std::uint64_t next() { return random_.next(); }
    std::uint64_t below(std::uint64_t n) { return random_.next() % n; }  // n > 0
    std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
    Micros between(Micros low, Micros high) {
        return high <= low ? low : low + Micros{static_cast<std::int64_t>(below(static_cast<std::uint64_t>((high - low).count()) + 1))};
    }
    bool chance(double p) { return p > 0 && static_cast<double>(random_.next() >> 11) * 0x1.0p-53 < p; }
    template <typename T>
    T& pick(std::vector<T>& from) {
        return from[below(from.size())];
    }
    template <typename T>
    const T& pick(const std::vector<T>& from) {
        return from[below(from.size())];
    }

  private:
    SeededRandom random_;
};

}  // namespace madang::sim
