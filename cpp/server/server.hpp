// The composition root: the runtime, its two doors (clients and administration), signals, and the one place where starting and stopping
// are written down.
//
// Start: store, engines, pools (Runtime) → port → log → loops → administration → ready. Stop: not ready → no new clients, goaway → what is
// under way is stored and answered, for `server.drain` at most → sockets closed → administration → loops, pools → store → log.
// Owner: the program. Thread: any. Errors: StartError from start(). Limits: a stop that takes kStopMax beyond the drain ends the process
// (with handled signals only: a program of its own may prefer to wait).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "net/listener.hpp"
#include "server/admin_socket.hpp"
#include "server/runtime.hpp"

namespace madang::server {

inline constexpr std::chrono::seconds kStopMax{10};
inline constexpr std::chrono::seconds kProgramEndMax{5};
inline constexpr int kExitStoreLost = 3;  // nothing more could be stored: a supervisor should start it again
inline constexpr int kExitStuck = 4;

struct ServerOptions {
    // SIGTERM and SIGINT stop; a second one doesn't wait for the drain. SIGHUP reloads the plugins. Takes them away from the rest of the
    // program.
    bool handle_signals = false;
    // In their order. Whoever makes the server drains their mailbox. With handle_signals the process ends kProgramEndMax after the stop,
    // even if a plugin keeps the rest of the program from ending.
    std::vector<PluginSpec> plugins{};
};

class Server {
  public:
    Server(Config config, ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Opens the data folder and the store, so that plugins can use what they keep before anybody is served. Once; start() does it if need
    // be. StartError.
    void prepare();
    // Returns when it serves. Once.
    void start();
    // Blocks until stopped, by whatever. The process's exit code.
    int wait();
    // Stops and waits for it. Idempotent; also before start() and after a failed one.
    void stop();

    // After start().
    std::string url() const;
    std::uint16_t port() const { return port_; }
    std::string data() const { return data_; }  // absolute
    // Null: there are no plugins. Also before start().
    std::shared_ptr<PluginHost> plugins() const { return plugins_; }

  private:
    class Control;  // the thread that waits for a reason to stop, and stops
    enum class Phase : std::uint8_t { made, running, stopped };

    void open_runtime();
    void open();
    void begin_drain();
    bool is_drained() const;
    void close();
    void advance_clock(MovableClock& clock, Millis by);
    void reach(Phase phase);
    double load() const;

    const Config config_;
    const ServerOptions options_;
    std::string data_;
    std::uint16_t port_ = 0;
    std::shared_ptr<PluginHost> plugins_;
    std::unique_ptr<Runtime> runtime_;
    std::unique_ptr<net::Listener> listener_;
    std::unique_ptr<AdminSocket> admin_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Phase phase_ = Phase::made;
    int exit_code_ = 0;
    bool is_logging_ = false;
    std::unique_ptr<Control> control_;  // dies first: its thread uses all of the above
};

}  // namespace madang::server
