#include "server/runtime.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "server/signals.hpp"
#include "store/text_key.hpp"

namespace madang::server {
namespace {

unsigned password_threads(const Config& config) {
    if (config.accounts.password_threads != 0) return config.accounts.password_threads;
    return std::max(1u, std::thread::hardware_concurrency() / 2);
}

std::string make_folder(const std::string& data) {
    std::error_code error;
    const auto made = std::filesystem::create_directories(data, error);
    if (error) throw StartError("data folder " + data + ": " + error.message());
    // It holds everybody's messages.
    if (made) std::filesystem::permissions(data, std::filesystem::perms::owner_all, error);
    return std::filesystem::absolute(data).lexically_normal().string();
}

}  // namespace

Runtime::Runtime(const Config& config, std::function<std::string()> metrics, std::function<void(Outcome)> on_lost, PluginHost* plugins)
    : config_(config), discovery_(config.server.region) {
    init_crypto();
    const BlockedSignals blocked;  // in every thread that is made here: signals go to the program's own
    data_ = make_folder(config_.server.data);
    make_clock();
    open_store();
    if (plugins != nullptr && plugins->has_listeners()) feeder_ = std::make_unique<Feeder>(*store_, *clock_, *plugins, epoch_);
    readers_ = std::make_unique<ReaderPool>(config_.server.reader_threads, *store_, config_.limits, config_.server.engines,
                                            [this](std::uint32_t loop, ReadAnswers answers) { loops_[loop]->deliver(std::move(answers)); });
    passwords_ =
        std::make_unique<PasswordPool>(password_threads(config_), config_.accounts.password_queue,
                                       [this](std::uint32_t loop, PasswordAnswer answer) { loops_[loop]->deliver(std::move(answer)); });
    services_ = std::make_unique<LoopServices>(LoopServices{
        .store = *store_,
        .clock = *clock_,
        .limits = config_.limits,
        .discovery = discovery_,
        .readers = *readers_,
        .passwords = *passwords_,
        .loops = loops_,
        .engines = config_.server.engines,
        .loop_count = config_.loops(),
        .sign_up_open = config_.accounts.sign_up,
        .system_name = plugins != nullptr ? fold_name(config_.accounts.system) : std::string{},
        .ready = ready_,
        .metrics = std::move(metrics),
        .on_lost = std::move(on_lost),
        .plugins = plugins,
        .feeder = feeder_.get(),
    });
    make_loops();
    if (plugins != nullptr) plugins->open_stores(*store_, epoch_);  // last: who throws above leaves none open
}

Runtime::~Runtime() { stop(); }

void Runtime::make_clock() {
    if (config_.server.clock == "movable") {
        auto movable = std::make_unique<MovableClock>(config_.server.clock_ahead);
        movable_clock_ = movable.get();
        clock_ = std::move(movable);
    } else {
        clock_ = std::make_unique<SystemClock>();
    }
}

void Runtime::open_store() {
    auto opened = RocksStore::open({
        .path = std::filesystem::path{data_} / "store",
        .free_bytes_floor = config_.store.free_space_floor,
        .cache_bytes = config_.store.cache,
        .write_buffer_bytes = config_.store.write_buffer,
    });
    if (!opened) throw StartError(opened.error().detail);
    store_ = std::move(*opened);
    const auto epoch = store_->claim_all();
    if (!epoch) throw StartError("store in " + data_ + ": " + epoch.error().detail);
    epoch_ = *epoch;
    const auto key = text_key(*store_, random_);
    if (!key) throw StartError("store in " + data_ + ": " + key.error().detail);
    text_key_ = *key;
}

void Runtime::make_loops() {
    const auto threaded = config_.store.commit == "thread";
    if (threaded) {
        commit_figures_.push_back(std::make_unique<CommitFigures>());
        committer_thread_ = std::make_unique<CommitterThread>(*store_, *commit_figures_.back());
    }
    const Loop::MakeCommitter make_committer = [&](CommitCallbacks callbacks) -> std::unique_ptr<Committer> {
        if (threaded) return committer_thread_->lane(std::move(callbacks));
        commit_figures_.push_back(std::make_unique<CommitFigures>());
        return std::make_unique<InlineCommitter>(*store_, std::move(callbacks), *commit_figures_.back());
    };
    for (std::uint32_t i = 0; i < config_.loops(); ++i) {
        std::optional<EngineOptions> engine;
        if (i < config_.server.engines) {
            engine = EngineOptions{.index = static_cast<EngineIndex>(i),
                                   .engines = config_.server.engines,
                                   .worker = static_cast<std::uint16_t>(config_.server.worker + i),
                                   .epoch = epoch_,
                                   .text_key = text_key_,
                                   .limits = config_.limits,
                                   .checks = services_->plugins ? services_->plugins->check_rules() : std::vector<CheckRule>{},
                                   .pushes = services_->plugins ? services_->plugins->push_rules() : std::vector<PushRule>{}};
        }
        loops_.push_back(std::make_unique<Loop>(i, *services_, std::move(engine), make_committer, threaded));
    }
}

void Runtime::run() {
    const BlockedSignals blocked;
    if (feeder_)
        if (const auto marks = feeder_->run(); !marks) throw StartError("store in " + data_ + ": " + marks.error().detail);
    for (auto& loop : loops_) threads_.emplace_back([&loop] { loop->run(); });
}

void Runtime::stop() {
    // The committer first: a loop may be waiting for room in its queue.
    if (committer_thread_) committer_thread_->stop();
    for (auto& loop : loops_) loop->stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    if (feeder_) feeder_->stop();
    if (readers_) readers_->stop();
    if (passwords_) passwords_->stop();
    if (services_ && services_->plugins != nullptr) services_->plugins->close_stores();
}

bool Runtime::is_idle() const {
    return std::ranges::all_of(loops_, [](const auto& loop) { return loop->is_idle(); });
}

}  // namespace madang::server
