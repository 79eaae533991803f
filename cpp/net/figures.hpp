// What one loop counts of its network. Written by the loop's thread alone, read by any: so a plain load and store, no locked add.
#pragma once

#include <atomic>
#include <cstdint>

namespace madang::net {

class Count {
  public:
    void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
    void subtract(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed); }
    std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

// As in ListenerFigures.
struct Figures {
    Count http_connections, websockets;
    Count accepted, refused;
    Count requests, request_errors;
    Count frames_in, frames_out;
    Count bytes_in, bytes_out;
    Count slow_consumers, heartbeats_lost, bad_frames;
    Count signals_dropped;
};

}  // namespace madang::net
