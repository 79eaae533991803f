// Argon2id away from the loops: 14 ms of CPU and 19 MiB a job.
//
// Owner: the composition root. Thread: any may ask; answers are delivered on the pool's threads.
// Limits: `queue_max` waiting jobs; at the maximum try_ answers false and the caller says `unavailable` with retry_after().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"

namespace madang::server {

struct PasswordJob {
    std::uint32_t loop = 0;
    std::uint64_t waiter = 0;  // the loop's own number for who asked
    std::string password;
    std::optional<std::string> hash;  // to verify against; none = make one
};
struct PasswordAnswer {
    std::uint64_t waiter = 0;
    std::string hash;       // made, or
    bool verified = false;  // the answer
};
struct PasswordFigures {
    std::uint64_t waiting = 0, done = 0, refused = 0;
};

class PasswordPool {
  public:
    using Deliver = std::function<void(std::uint32_t loop, PasswordAnswer answer)>;
    PasswordPool(unsigned threads, std::size_t queue_max, Deliver deliver);
    ~PasswordPool();
    PasswordPool(const PasswordPool&) = delete;
    PasswordPool& operator=(const PasswordPool&) = delete;

    bool try_post(PasswordJob job);
    Millis retry_after() const;
    // What waits is dropped. Idempotent.
    void stop();
    PasswordFigures figures() const;

  private:
    void run();

    const std::size_t queue_max_;
    const Deliver deliver_;
    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::deque<PasswordJob> waiting_;
    PasswordFigures figures_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace madang::server
