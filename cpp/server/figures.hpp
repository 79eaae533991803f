// What the server counts of itself. Each figure has one writing thread; any thread may read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace madang::server {

// A counter or gauge with one writer: no locked instruction on the way of a message.
class Figure {
  public:
    void add(std::uint64_t by = 1) { value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
    void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
    std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

// How long something took, in buckets that suit a disk's sync.
class DurationFigure {
  public:
    static constexpr std::array<std::uint64_t, 10> kBoundsMicros{100, 200, 500, 1'000, 2'000, 5'000, 10'000, 50'000, 200'000, 1'000'000};

    void add(std::uint64_t micros) {
        std::size_t at = 0;
        while (at < kBoundsMicros.size() && micros > kBoundsMicros[at]) ++at;
        counts_[at].add();
        micros_.add(micros);
    }
    // The last one counts what is beyond every bound.
    const std::array<Figure, kBoundsMicros.size() + 1>& counts() const { return counts_; }
    std::uint64_t total_micros() const { return micros_.get(); }

  private:
    std::array<Figure, kBoundsMicros.size() + 1> counts_;
    Figure micros_;
};

// Of one committer.
struct CommitFigures {
    DurationFigure duration;  // of appends that became durable
    Figure rows, bytes;
    Figure in_doubt, full;  // appends that must be repeated
    Figure waiting_bytes;
};

}  // namespace madang::server
