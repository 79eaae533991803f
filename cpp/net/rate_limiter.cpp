#include "net/rate_limiter.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace madang::net {
namespace {

struct Allowance {
    double calls_max;
    double calls_per_ms;
};

constexpr Allowance kGuesses{10, 1.0 / 10'000};

constexpr Allowance allowance_of(Costly which) {
    return which == Costly::password ? Allowance{5, 1.0 / 10'000} : Allowance{60, 2.0 / 1'000};
}

double refilled(double left, Tick since, Tick now, const Allowance& allowance) {
    const auto passed = static_cast<double>(std::max<std::int64_t>(0, (now - since).count()));
    return std::min(allowance.calls_max, left + passed * allowance.calls_per_ms);
}

std::optional<Millis> take_one(RateLimiter::Calls& calls, const Allowance& allowance, Tick now) {
    calls.left = refilled(calls.left, calls.filled_at, now, allowance);
    calls.filled_at = now;
    if (calls.left < 1) return Millis{static_cast<std::int64_t>(std::ceil((1 - calls.left) / allowance.calls_per_ms))};
    calls.left -= 1;
    return std::nullopt;
}

}  // namespace

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

std::optional<Millis> RateLimiter::take(UserId user, Costly which, Tick now) {
    const auto allowance = allowance_of(which);
    return take_one(calls_.try_emplace({user, which}, Calls{allowance.calls_max, now}).first->second, allowance, now);
}

std::optional<Millis> RateLimiter::take_guess(const std::string& username, Tick now) {
    return take_one(guesses_.try_emplace(username, Calls{kGuesses.calls_max, now}).first->second, kGuesses, now);
}

void RateLimiter::give_back_guess(const std::string& username, Tick now) {
    const auto found = guesses_.find(username);
    if (found == guesses_.end()) return;  // long ago
    auto& calls = found->second;
    calls.left = refilled(calls.left, calls.filled_at, now, kGuesses) + 1;
    calls.filled_at = now;
    if (calls.left >= kGuesses.calls_max) guesses_.erase(found);
}

void RateLimiter::sweep(Tick now) {
    std::erase_if(calls_, [now](const auto& each) {
        const auto allowance = allowance_of(each.first.second);
        return refilled(each.second.left, each.second.filled_at, now, allowance) >= allowance.calls_max;
    });
    std::erase_if(guesses_, [now](const auto& each) {
        return refilled(each.second.left, each.second.filled_at, now, kGuesses) >= kGuesses.calls_max;
    });
    for (auto it = buckets_.begin(); it != buckets_.end();) {
        refill(it->second, now);
        const bool is_full = it->second.sends >= sends_max_ && it->second.bytes >= bytes_max_;
        it = is_full ? buckets_.erase(it) : std::next(it);
    }
}

}  // namespace madang::net
