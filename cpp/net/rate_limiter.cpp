#include "net/rate_limiter.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace madang::net {

RateLimiter::RateLimiter(const Limits& limits)
    : sends_per_ms_(limits.sends_per_second / 1'000.0),
      bytes_per_ms_(static_cast<double>(limits.send_bytes_per_second) / 1'000.0),
      sends_max_(limits.sends_per_second),
      bytes_max_(static_cast<double>(limits.send_bytes_per_second)) {}

void RateLimiter::refill(Bucket& bucket, Tick now) const {
    const auto passed = static_cast<double>(std::max<std::int64_t>(0, (now - bucket.filled_at).count()));
    bucket.sends = std::min(sends_max_, bucket.sends + passed * sends_per_ms_);
    bucket.bytes = std::min(bytes_max_, bucket.bytes + passed * bytes_per_ms_);
    bucket.filled_at = now;
}

std::optional<Millis> RateLimiter::take(UserId user, std::size_t bytes, Tick now) {
    auto& bucket = buckets_.try_emplace(user, Bucket{sends_max_, bytes_max_, now}).first->second;
    refill(bucket, now);
    const auto missing_ms = std::max((1 - bucket.sends) / sends_per_ms_, (1 - bucket.bytes) / bytes_per_ms_);
    if (missing_ms > 0) return Millis{static_cast<std::int64_t>(std::ceil(missing_ms))};
    bucket.sends -= 1;
    bucket.bytes -= static_cast<double>(bytes);
    return std::nullopt;
}

void RateLimiter::sweep(Tick now) {
    for (auto it = buckets_.begin(); it != buckets_.end();) {
        refill(it->second, now);
        const bool is_full = it->second.sends >= sends_max_ && it->second.bytes >= bytes_max_;
        it = is_full ? buckets_.erase(it) : std::next(it);
    }
}

}  // namespace madang::net
