// How fast one user may send: a bucket of one second's sends and bytes, refilled evenly. What a user sends on one loop counts together,
// whatever the socket or request; a user's WebSockets share a loop.
//
// Owner: a Gateway. Thread: its loop's only. Limits: memory for the users who sent within the last second.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/limits.hpp"

namespace madang::net {

class RateLimiter {
  public:
    explicit RateLimiter(const Limits& limits);

    // Takes one send of `bytes`. None = go on; else nothing was taken, and so long it takes until it might be.
    std::optional<Millis> take(UserId user, std::size_t bytes, Tick now);
    // Forgets whose bucket is full again. Every second or so.
    void sweep(Tick now);
    std::size_t size() const { return buckets_.size(); }

  private:
    // May fall below zero by one large message, so that any message may go out some time.
    struct Bucket {
        double sends = 0;
        double bytes = 0;
        Tick filled_at{};
    };

    void refill(Bucket& bucket, Tick now) const;

    double sends_per_ms_, bytes_per_ms_;
    double sends_max_, bytes_max_;
    std::unordered_map<UserId, Bucket> buckets_;
};

}  // namespace madang::net
