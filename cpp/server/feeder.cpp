#include "server/feeder.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "wire/feed.hpp"

namespace madang::server {
namespace {

CommittedCall call_of(const FeedBatch& batch) {
    CommittedCall call{.number = batch.number, .entries = "["};
    for (const auto& each : batch.entries) {
        if (call.entries.size() > 1) call.entries += ',';
        wire::append_fed_entry(call.entries, each.position, *each.entry, each.actor);
    }
    call.entries += ']';
    return call;
}

}  // namespace

Feeder::Feeder(Store& store, const Clock& clock, PluginHost& host, Epoch epoch) : clock_(clock) {
    for (std::uint32_t i = 0; i < host.plugins().size(); ++i) {
        const auto& plugin = host.plugins()[i];
        const auto& rule = plugin.rule(Hook::committed);
        if (!rule) continue;
        auto feed = std::make_unique<Feed>(Feed::Options{plugin.name, epoch, rule->timeout}, store, clock,
                                           [&host, i](const FeedBatch& batch) { return host.post(i, call_of(batch)); });
        listeners_.push_back({i, plugin.name, std::move(feed), 0});
    }
}

Feeder::~Feeder() { stop(); }

Result<> Feeder::run() {
    for (const auto& listener : listeners_)
        if (const auto started = listener.feed->start(); !started) return started;
    thread_ = std::thread{[this] { work(); }};
    return {};
}

void Feeder::on_committed(std::uint32_t entries) {
    const std::lock_guard lock{mutex_};
    committed_ += entries;
    wake();
}

void Feeder::deliver(std::vector<HookAnswer> answers) {
    const std::lock_guard lock{mutex_};
    std::ranges::move(answers, std::back_inserter(answers_));
    wake();
}

void Feeder::look_at_clock() {
    const std::lock_guard lock{mutex_};
    wake();
}

void Feeder::drain() {
    const std::lock_guard lock{mutex_};
    is_draining_ = true;
    quiet_at_latest_ = std::chrono::steady_clock::now() + kFeedStopWait;
    wake();
}

bool Feeder::is_quiet() const {
    const std::lock_guard lock{mutex_};
    return is_quiet_ || !thread_.joinable() || (is_draining_ && std::chrono::steady_clock::now() >= quiet_at_latest_);
}

void Feeder::stop() {
    {
        const std::lock_guard lock{mutex_};
        is_stopping_ = true;
        wake();
    }
    if (thread_.joinable()) thread_.join();
}

std::vector<Feeder::Figures> Feeder::figures() const {
    const std::lock_guard lock{mutex_};
    auto figures = figures_;
    for (auto& each : figures) each.feed.behind += committed_;  // told, and not looked at yet
    return figures;
}

void Feeder::wake() {
    if (std::exchange(is_woken_, true)) return;
    woken_.notify_one();
}

void Feeder::work() {
    std::unique_lock lock{mutex_};
    for (;;) {
        is_woken_ = false;
        const auto stopping = is_stopping_, draining = is_draining_ || is_stopping_;
        const auto committed = std::exchange(committed_, 0);
        auto answers = std::exchange(answers_, {});
        lock.unlock();
        take_inputs(committed, draining, std::move(answers));
        std::optional<Tick> next;
        auto is_quiet = draining;
        std::vector<Figures> figures;
        for (auto& listener : listeners_) {
            const auto at = listener.feed->work();
            if (at && (!next || *at < *next)) next = at;
            is_quiet = is_quiet && !listener.feed->is_out() && (listener.feed->is_marked() || listener.feed->is_lost());
            tell_failure(listener);
            figures.push_back({listener.name, listener.feed->figures()});
        }
        lock.lock();
        figures_ = std::move(figures);
        is_quiet_ = is_quiet;
        if (stopping) return;
        if (is_woken_) continue;
        if (next)
            woken_.wait_for(lock, std::max(*next - clock_.tick(), Tick{1}), [this] { return is_woken_; });
        else
            woken_.wait(lock, [this] { return is_woken_; });
    }
}

void Feeder::take_inputs(std::uint64_t committed, bool draining, std::vector<HookAnswer> answers) {
    for (auto& listener : listeners_) {
        if (committed != 0) listener.feed->on_committed(committed);
        if (draining) listener.feed->drain();
    }
    for (auto& each : answers) {
        auto& answer = std::get<CommittedAnswer>(each.what);
        const auto whose = std::ranges::find(listeners_, answer.plugin, &Listener::plugin);
        if (whose != listeners_.end()) whose->feed->on_answer(each.number, std::move(answer.problem));
    }
}

void Feeder::tell_failure(Listener& listener) const {
    const auto figures = listener.feed->figures();
    if (figures.failures == listener.failures_told) return;
    listener.failures_told = figures.failures;
    log(LogLevel::warn, "a batch of the committed feed was not taken",
        {{"plugin", listener.name},
         {"position", figures.position + 1},
         {"behind", figures.behind},
         {"problem", figures.problem},
         {"again_in_ms", figures.retry_after.count()}});
}

}  // namespace madang::server
