// Reads from the store that would hold a loop: cold state for engines (chat/loads.hpp), and answers that no engine has to give
// (chat/queries.hpp).
//
// Owner: the composition root. Outlives the loops; stop() before the store dies.
// Thread: any may post; answers are delivered on the pool's threads, several of one loop together.
// Limits: kReadJobsMax waiting jobs. At the maximum a job is answered with `unavailable` at once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "chat/effects.hpp"
#include "chat/loaded.hpp"
#include "server/figures.hpp"
#include "store/store.hpp"

namespace madang::server {

inline constexpr std::size_t kReadJobsMax = 65'536;

// What comes back to one loop.
struct ReadAnswers {
    std::vector<Loaded> loaded;                                       // for its engine
    std::vector<std::pair<std::uint64_t, Result<Response>>> replies;  // for requests of its own
};

struct ReaderFigures {
    std::uint64_t waiting = 0, done = 0, refused = 0;
};

class ReaderPool {
  public:
    using Deliver = std::function<void(std::uint32_t loop, ReadAnswers answers)>;
    ReaderPool(unsigned threads, const Store& store, const Limits& limits, unsigned engines, Deliver deliver);
    ~ReaderPool();
    ReaderPool(const ReaderPool&) = delete;
    ReaderPool& operator=(const ReaderPool&) = delete;

    void post(EngineIndex from, std::vector<Job> jobs);
    // What waits is dropped. Idempotent.
    void stop();
    ReaderFigures figures() const;

  private:
    struct Waiting {
        EngineIndex from;
        Job job;
    };
    using ByLoop = std::vector<std::pair<std::uint32_t, ReadAnswers>>;

    void run();
    std::vector<Waiting> take();  // under the lock
    void execute(const Waiting& waiting, ByLoop& answers) const;
    static void refuse(const Waiting& waiting, ByLoop& answers);
    void deliver(ByLoop answers) const;

    const Store& store_;
    const Limits& limits_;
    const unsigned engines_;
    const Deliver deliver_;
    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::deque<Waiting> waiting_;
    ReaderFigures figures_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace madang::server
