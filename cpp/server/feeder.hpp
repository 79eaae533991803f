// The thread of the committed feed: one chat/feed.hpp for each plugin that listens, fed from the store, with the mailbox as its way to the
// plugins. It sleeps until a loop tells of durable entries, an answer comes, or a time is reached.
//
// Owner: Runtime; outlives the loops, is outlived by store, clock and host. Thread: its own; everything public from any. Limits: one batch
// a plugin in the mailbox. Errors: run() when the marks can't be read; a batch that fails is logged, at most once a failure.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "chat/feed.hpp"
#include "server/plugin_host.hpp"

namespace madang::server {

inline constexpr std::chrono::seconds kFeedStopWait{5};  // for the batches that are out; one without an answer by then is given again

class Feeder {
  public:
    Feeder(Store& store, const Clock& clock, PluginHost& host, Epoch epoch);
    ~Feeder();
    Feeder(const Feeder&) = delete;
    Feeder& operator=(const Feeder&) = delete;

    // Takes the marks up and starts the thread. Errors: internal.
    Result<> run();
    // The logs have so many entries more, durably.
    void on_committed(std::uint32_t entries);
    void deliver(std::vector<HookAnswer> answers);
    void look_at_clock();
    // No batch goes out any more.
    void drain();
    // After drain(): what was out is answered, or has been waited for for kFeedStopWait; and the marks are stored.
    bool is_quiet() const;
    // Joins. Idempotent.
    void stop();

    struct Figures {
        std::string plugin;
        FeedFigures feed;
    };
    std::vector<Figures> figures() const;

  private:
    struct Listener {
        std::uint32_t plugin = 0;
        std::string name;
        std::unique_ptr<Feed> feed;
        std::uint64_t failures_told = 0;
    };

    void work();
    void take_inputs(std::uint64_t committed, bool draining, std::vector<HookAnswer> answers);
    void tell_failure(Listener& listener) const;
    void wake();

    const Clock& clock_;
    std::vector<Listener> listeners_;  // the thread's own, once it runs
    mutable std::mutex mutex_;
    std::condition_variable woken_;
    bool is_woken_ = false;
    bool is_stopping_ = false;
    bool is_draining_ = false;
    bool is_quiet_ = false;
    std::chrono::steady_clock::time_point quiet_at_latest_;
    std::uint64_t committed_ = 0;
    std::vector<HookAnswer> answers_;
    std::vector<Figures> figures_;
    std::thread thread_;
};

}  // namespace madang::server
