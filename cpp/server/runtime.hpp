// Everything but the doors: the store, the engines on their loops, the pools. What the server and the commands on a stopped server share.
//
// Start order: data folder → store → claim → plugins' stores → pools → committer → loops → run(). Stop order: committer → loops → feeder →
// pools → plugins' stores → (doors) → store.
// Owner: Server, or a command. Thread: the owner's; what it hands out says for itself. Errors: StartError from the constructor.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/random.hpp"
#include "server/committer.hpp"
#include "server/config.hpp"
#include "server/discovery.hpp"
#include "server/feeder.hpp"
#include "server/loop.hpp"
#include "server/password_pool.hpp"
#include "server/plugin_host.hpp"
#include "server/reader_pool.hpp"
#include "store/rocks/rocks_store.hpp"

namespace madang::server {

// Why a server could not start, for a person.
class StartError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Runtime {
  public:
    // `on_lost`: the store is lost; any thread, more than once. `metrics`: any thread.
    // `plugins`: none, or it outlives this.
    Runtime(const Config& config, std::function<std::string()> metrics, std::function<void(Outcome)> on_lost,
            PluginHost* plugins = nullptr);
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    // Starts the threads of the loops and the feeder. StartError.
    void run();
    // Ends and joins all threads. Nothing is waited for: see is_idle(). Idempotent.
    void stop();
    // Nothing is under way in any loop.
    bool is_idle() const;

    const Config& config() const { return config_; }
    const std::string& data() const { return data_; }  // absolute
    const RocksStore& store() const { return *store_; }
    const Clock& clock() const { return *clock_; }
    MovableClock* movable_clock() { return movable_clock_; }  // null: it is real time
    Random& random() { return random_; }
    OneServer& discovery() { return discovery_; }
    std::atomic<bool>& ready() { return ready_; }
    const std::vector<std::unique_ptr<Loop>>& loops() const { return loops_; }
    const std::vector<std::unique_ptr<CommitFigures>>& commit_figures() const { return commit_figures_; }
    ReaderFigures reader_figures() const { return readers_->figures(); }
    PasswordFigures password_figures() const { return passwords_->figures(); }
    PluginHost* plugins() const { return services_->plugins; }
    Feeder* feeder() const { return feeder_.get(); }  // null: nobody listens

  private:
    void make_clock();
    void open_store();
    void make_loops();

    const Config config_;
    std::string data_;
    MovableClock* movable_clock_ = nullptr;  // clock_, if it is one
    std::unique_ptr<Clock> clock_;
    SecureRandom random_;
    OneServer discovery_;
    std::atomic<bool> ready_{false};
    std::unique_ptr<RocksStore> store_;
    Epoch epoch_ = 0;
    DigestKey text_key_{};
    std::vector<std::unique_ptr<CommitFigures>> commit_figures_;  // one, or one per engine
    std::unique_ptr<ReaderPool> readers_;
    std::unique_ptr<PasswordPool> passwords_;
    std::unique_ptr<CommitterThread> committer_thread_;  // null: inline
    std::unique_ptr<Feeder> feeder_;                     // null: nobody listens
    std::unique_ptr<LoopServices> services_;
    std::vector<std::unique_ptr<Loop>> loops_;
    std::vector<std::thread> threads_;
};

}  // namespace madang::server
