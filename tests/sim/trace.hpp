// What happened in a run: a hash of all of it (the same seed gives the same), and its last steps to read after a failure.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "schedule.hpp"

namespace madang::sim {

// The checker's finding; ends the run.
class Violation : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Trace {
  public:
    Trace(const Schedule& schedule, bool print) : schedule_(schedule), print_(print) {}

    // `what` must live as long as the trace.
    void note(const char* what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0, std::uint64_t d = 0);
    std::uint64_t hash() const { return hash_; }
    // The last steps, oldest first.
    std::string tail(std::size_t steps) const;

  private:
    static constexpr std::size_t kKept = 4096;
    struct Step {
        Micros when{};
        const char* what = "";
        std::array<std::uint64_t, 4> values{};
    };
    static std::string line(const Step& step);
    void mix(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x9E3779B97F4A7C15ull, hash_ ^= hash_ >> 29; }

    const Schedule& schedule_;
    bool print_;
    std::uint64_t hash_ = 0xCBF29CE484222325ull;
    std::uint64_t count_ = 0;
    std::array<Step, kKept> steps_{};
};

}  // namespace madang::sim
