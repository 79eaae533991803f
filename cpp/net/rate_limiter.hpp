// How fast one user may send: a bucket of one second's sends and bytes, refilled evenly. What a user sends on one loop counts together,
// whatever the socket or request; a user's WebSockets share a loop. And how often passwords may be guessed.
//
// Owner: a Gateway. Thread: its loop's only. Limits: memory for the users who sent within the last second, or made a costly call within the
// last minute, and for the names that a wrong password was given for within the last two minutes; finding it wrong is slow by design.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/limits.hpp"

namespace madang::net {

// Calls that cost the server much, or that somebody might try again and again.
enum class Costly : std::uint8_t {
    password,     // 5 at once, then one every 10 s
    export_page,  // 60 at once, then two a second
};

class RateLimiter {
  public:
    struct Calls {
        double left = 0;
        Tick filled_at{};
    };

    explicit RateLimiter(const Limits& limits);

    // Takes one send of `bytes`. None = go on; else nothing was taken, and so long it takes until it might be.
    std::optional<Millis> take(UserId user, std::size_t bytes, Tick now);
    // Takes one such call; likewise.
    std::optional<Millis> take(UserId user, Costly which, Tick now);
    // Takes one guess of the password that belongs to a folded username, whether or not anybody has it: 10 at once, then one every 10 s;
    // likewise.
    std::optional<Millis> take_guess(const std::string& username, Tick now);
    // It was no guess: the password was right, or was never looked at.
    void give_back_guess(const std::string& username, Tick now);
    // Forgets whose bucket is full again. Every second or so.
    void sweep(Tick now);
    std::size_t size() const { return buckets_.size() + calls_.size() + guesses_.size(); }

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
    std::map<std::pair<UserId, Costly>, Calls> calls_;
    std::unordered_map<std::string, Calls> guesses_;
};

}  // namespace madang::net
