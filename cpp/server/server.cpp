#include "server/server.hpp"

#include <algorithm>
#include <csignal>
#include <future>
#include <limits>
#include <memory>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"
#include "server/commands.hpp"
#include "server/metrics.hpp"
#include "server/requester.hpp"
#include "server/signals.hpp"

namespace madang::server {
namespace {

constexpr std::chrono::milliseconds kDrainLook{5};
constexpr std::chrono::milliseconds kGoawayGrace{1'000};
// For the store's files and whatever else the process opens: without a descriptor for its next log the store is lost.
constexpr rlim_t kDescriptorsKept = 384;

// A socket each; the usual soft limit of 1,024 is for programs that use select().
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

// For connections; of a small limit they get the lower half.
int connection_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    const auto most = std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max());
    return static_cast<int>(most - std::min(kDescriptorsKept, most / 2));
}

LogOptions log_options(const Config& config) {
    LogOptions options;
    const auto& level = config.server.log_level;
    options.level = level == "debug"   ? LogLevel::debug
                    : level == "warn"  ? LogLevel::warn
                    : level == "error" ? LogLevel::error
                                       : LogLevel::info;
    options.format = config.server.log_format == "json" ? LogFormat::json : LogFormat::text;
    return options;
}

std::string numeric(const std::string& host) { return host == "localhost" ? "127.0.0.1" : host; }

// Where a client on this machine finds it.
std::string url_of(const std::string& host, std::uint16_t port) {
    const auto reachable = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host;
    const auto is_v6 = reachable.find(':') != std::string::npos;
    return std::string{"http://"}.append(is_v6 ? "[" + reachable + "]" : reachable).append(":").append(std::to_string(port));
}

// Ends the process if it isn't dismissed in time: a thread hangs, and the supervisor must not wait for it.
class Watchdog {
  public:
    Watchdog()
        : thread_([this](std::stop_token stop) {
              std::unique_lock lock{mutex_};
              if (dismissed_.wait_for(lock, stop, kStopMax, [&] { return stop.stop_requested(); })) return;
              log(LogLevel::error, "stop takes too long: the process ends");
              stop_log();
              _exit(kExitStuck);
          }) {}

  private:
    std::mutex mutex_;
    std::condition_variable_any dismissed_;
    std::jthread thread_;
};

const char* name_of_signal(int signal) { return signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP"; }

// Everything is stored and closed; a plugin that never returns must not keep the process.
void end_program_later(int exit_code) {
    std::thread{[exit_code] {
        std::this_thread::sleep_for(kProgramEndMax);
        _exit(exit_code);
    }}.detach();
}

}  // namespace

class Server::Control {
  public:
    explicit Control(Server& server) : server_(server), signals_(context_), timer_(context_) {
        if (server.options_.handle_signals) {
            signals_.add(SIGTERM);
            signals_.add(SIGINT);
            signals_.add(SIGHUP);
            wait_for_signal();
        }
    }
    ~Control() {
        context_.stop();
        if (thread_.joinable()) thread_.join();
    }

    // What was requested before is done now.
    void run() {
        thread_ = std::thread{[this] {
            const auto work = boost::asio::make_work_guard(context_);
            context_.run();
        }};
    }

    void request(bool lost) {
        boost::asio::post(context_, [this, lost] { begin(lost); });
    }

  private:
    void wait_for_signal() {
        signals_.async_wait([this](const boost::system::error_code& error, int signal) {
            if (error) return;
            log(LogLevel::info, "signal", {{"name", name_of_signal(signal)}});
            if (signal == SIGHUP) {
                reload_plugins();
            } else {
                hurried_ = begun_;
                begin(false);
            }
            wait_for_signal();
        });
    }
    void reload_plugins() {
        if (server_.plugins_ == nullptr) return log(LogLevel::info, "there are no plugins to reload");
        if (!server_.plugins_->console().tell("reload")) log(LogLevel::warn, "reload refused: too many are waiting");
    }
    void begin(bool lost) {
        if (lost) {
            hurried_ = true;
            server_.exit_code_ = kExitStoreLost;
        }
        if (begun_) return;
        begun_ = true;
        log(LogLevel::info, lost ? "stopping at once" : "draining");
        deadline_ = std::chrono::steady_clock::now() + server_.config_.server.drain;
        server_.begin_drain();
        look();
    }
    void look() {
        if (!hurried_ && !server_.is_drained() && std::chrono::steady_clock::now() < deadline_) {
            timer_.expires_after(kDrainLook);
            timer_.async_wait([this](const boost::system::error_code&) { look(); });
            return;
        }
        {
            std::optional<Watchdog> watchdog;
            if (server_.options_.handle_signals) watchdog.emplace();
            server_.close();
        }
        context_.stop();
        if (server_.options_.handle_signals && server_.plugins_) end_program_later(server_.exit_code_);
        server_.reach(Phase::stopped);
    }

    Server& server_;
    boost::asio::io_context context_{1};
    boost::asio::signal_set signals_;
    boost::asio::steady_timer timer_;
    std::chrono::steady_clock::time_point deadline_;
    bool begun_ = false;
    bool hurried_ = false;
    std::thread thread_;
};

Server::Server(Config config, ServerOptions options) : config_(std::move(config)), options_(std::move(options)) {
    if (options_.plugins.empty()) return;
    plugins_ = std::make_shared<PluginHost>(options_.plugins, [this](std::uint32_t loop, std::vector<HookAnswer> answers) {
        if (loop == kFeederLoop) return runtime_->feeder()->deliver(std::move(answers));
        runtime_->loops()[loop]->deliver(std::move(answers));
    });
}

Server::~Server() { stop(); }

void Server::start() {
    {
        const std::lock_guard lock{mutex_};
        if (phase_ != Phase::made) throw StartError("a server starts once only");
        phase_ = Phase::running;
    }
    const BlockedSignals blocked;  // in every thread of ours
    try {
        open();
    } catch (const std::exception& error) {
        close();
        reach(Phase::stopped);
        throw StartError(error.what());
    }
}

void Server::prepare() {
    const std::lock_guard lock{mutex_};
    if (phase_ != Phase::made || runtime_) throw StartError("a server starts once only");
    const BlockedSignals blocked;
    try {
        open_runtime();
    } catch (const std::exception& error) {
        runtime_.reset();
        throw StartError(error.what());
    }
}

void Server::open_runtime() {
    raise_descriptor_limit();
    runtime_ = std::make_unique<Runtime>(
        config_, [this] { return render_metrics(*runtime_, listener_.get()); }, [this](Outcome) { control_->request(true); },
        plugins_.get());
    data_ = runtime_->data();
}

void Server::open() {
    if (!runtime_) open_runtime();
    std::vector<net::LoopRef> loops;
    for (const auto& loop : runtime_->loops()) loops.push_back({loop->context(), *loop});
    listener_ = std::make_unique<net::Listener>(std::move(loops), net::ListenOptions{.host = numeric(config_.server.host),
                                                                                     .port = config_.server.port,
                                                                                     .origins = config_.server.origins,
                                                                                     .descriptors_max = connection_descriptors(),
                                                                                     .engines = config_.server.engines});
    const auto port = listener_->listen();
    if (!port) throw StartError(port.error().detail);
    port_ = *port;
    runtime_->discovery().name(config_.server.public_url.empty() ? url() : config_.server.public_url, [this] { return load(); });

    start_log(log_options(config_));
    is_logging_ = true;
    control_ = std::make_unique<Control>(*this);
    runtime_->run();
    admin_ = std::make_unique<AdminSocket>(data_, [this](const AdminCommand& command, const RowSink& rows, std::stop_token stop) {
        CommandTarget target{*runtime_, url(), {}};
        if (auto* clock = runtime_->movable_clock()) target.advance_clock = [this, clock](Millis by) { advance_clock(*clock, by); };
        return run_command(std::move(target), command, rows, std::move(stop));
    });
    runtime_->ready() = true;
    log(LogLevel::info, "serving",
        {{"url", url()},
         {"data", data_},
         {"engines", config_.server.engines},
         {"commit", config_.store.commit},
         {"version", MADANG_VERSION},
         {"pid", getpid()}});
    control_->run();
}

// Sockets first: what is silent for too long ends before its user is looked at, as it does when time passes by itself.
void Server::advance_clock(MovableClock& clock, Millis by) {
    clock.advance(by);
    listener_->look_at_clock();
    if (auto* feeder = runtime_->feeder()) feeder->look_at_clock();
    const auto& loops = runtime_->loops();
    std::vector<std::future<void>> looked;
    for (const auto& loop : loops) {
        loop->look_at_clock();
        auto done = std::make_shared<std::promise<void>>();
        looked.push_back(done->get_future());
        loop->post([done](Loop&) { done->set_value(); });
    }
    for (const auto& each : looked) each.wait_for(kAnswerWithin);  // a loop that has stopped won't look any more
}

int Server::wait() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return phase_ == Phase::made || phase_ == Phase::stopped; });
    return exit_code_;
}

void Server::stop() {
    {
        const std::lock_guard lock{mutex_};
        if (phase_ == Phase::running && control_) control_->request(false);
        if (phase_ == Phase::made && runtime_) {  // of a prepare() that no start() followed
            runtime_.reset();
            phase_ = Phase::stopped;
        }
    }
    wait();
}

void Server::begin_drain() {
    runtime_->ready() = false;
    admin_->stop();
    if (auto* feeder = runtime_->feeder()) feeder->drain();
    for (const auto& loop : runtime_->loops()) loop->end_waits();
    listener_->drain(std::min<std::chrono::milliseconds>(kGoawayGrace, config_.server.drain));
}

bool Server::is_drained() const {
    const auto figures = listener_->figures();
    return figures.http_connections == 0 && figures.websockets == 0 && runtime_->is_idle() &&
           (runtime_->feeder() == nullptr || runtime_->feeder()->is_quiet());
}

// The doors first, and what they lead to after those who pass through them.
void Server::close() {
    admin_.reset();
    if (listener_) listener_->stop();
    if (plugins_) plugins_->close();
    if (runtime_) runtime_->stop();
    listener_.reset();
    runtime_.reset();
    if (!is_logging_) return;  // a start that failed: the log may be another server's
    log(LogLevel::info, "stopped");
    stop_log();
}

void Server::reach(Phase phase) {
    const std::lock_guard lock{mutex_};
    phase_ = phase;
    changed_.notify_all();
}

std::string Server::url() const { return url_of(numeric(config_.server.host), port_); }

// Of the descriptors that the process may have.
double Server::load() const {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == 0) return 0;
    const auto figures = listener_->figures();
    return std::min(1.0, static_cast<double>(figures.http_connections + figures.websockets) / static_cast<double>(limit.rlim_cur));
}

}  // namespace madang::server
