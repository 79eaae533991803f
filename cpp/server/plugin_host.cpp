#include "server/plugin_host.hpp"

#include <algorithm>
#include <utility>

namespace madang::server {
namespace {

std::size_t place_of(std::uint32_t plugin, Hook hook) { return plugin * kHooks + static_cast<std::size_t>(hook); }

}  // namespace

PluginHost::PluginHost(std::vector<PluginSpec> plugins, Mailbox::Deliver deliver)
    : plugins_(std::move(plugins)), mailbox_(std::move(deliver)), figures_(plugins_.size() * kHooks), plugin_figures_(plugins_.size()) {
    for (std::uint32_t i = 0; i < plugins_.size(); ++i) {
        stores_.push_back(std::make_unique<PluginStore>(plugins_[i].name));
        if (plugins_[i].rule(Hook::check)) stages_.push_back(i);
        if (plugins_[i].rule(Hook::push)) pushers_.push_back(i);
        if (plugins_[i].rule(Hook::authenticate)) authenticator_ = i;
    }
}

std::vector<CheckRule> PluginHost::check_rules() const {
    std::vector<CheckRule> rules;
    for (const auto stage : stages_) rules.push_back(*plugins_[stage].rule(Hook::check));
    return rules;
}

std::vector<PushRule> PluginHost::push_rules() const {
    std::vector<PushRule> rules;
    for (const auto pusher : pushers_) {
        const auto& plugin = plugins_[pusher];
        rules.push_back({.plugin = plugin.name, .timeout = plugin.rule(Hook::push)->timeout, .providers = plugin.providers});
    }
    return rules;
}

std::vector<std::uint64_t> PluginHost::post(std::uint32_t loop, std::vector<PushCall> calls) {
    std::vector<HookCall> batch;
    batch.reserve(calls.size());
    for (auto& call : calls) {
        const auto plugin = pushers_.at(call.rule);
        batch.push_back({.loop = loop, .plugin = plugin, .what = std::move(call)});
    }
    std::vector<std::uint64_t> refused;
    for (auto at = mailbox_.post(batch); at < batch.size(); ++at) refused.push_back(std::get<PushCall>(batch[at].what).number);
    return refused;
}

std::vector<std::uint64_t> PluginHost::post(std::uint32_t loop, std::vector<CheckCall> calls) {
    std::vector<HookCall> batch;
    batch.reserve(calls.size());
    for (auto& call : calls) {
        const auto plugin = stages_.at(call.stage);
        batch.push_back({.loop = loop, .plugin = plugin, .what = std::move(call)});
    }
    std::vector<std::uint64_t> refused;
    for (auto at = mailbox_.post(batch); at < batch.size(); ++at) {
        const auto number = std::get<CheckCall>(batch[at].what).number;
        if (number != 0) refused.push_back(number);
    }
    return refused;
}

bool PluginHost::post(std::uint32_t loop, IdentityCall call) {
    HookCall one{.loop = loop, .plugin = authenticator_.value(), .what = std::move(call)};
    return mailbox_.post({&one, 1}) == 1;
}

bool PluginHost::post(std::uint32_t plugin, CommittedCall call) {
    HookCall one{.loop = kFeederLoop, .plugin = plugin, .what = std::move(call)};
    return mailbox_.post({&one, 1}) == 1;
}

bool PluginHost::has_listeners() const {
    return std::ranges::any_of(plugins_, [](const PluginSpec& each) { return each.rule(Hook::committed).has_value(); });
}

void PluginHost::open_stores(Store& store, Epoch epoch) {
    for (const auto& each : stores_) each->open(store, epoch);
}

void PluginHost::close_stores() {
    for (const auto& each : stores_) each->close();
}

void PluginHost::note(std::uint32_t plugin, Hook hook, const HookFigures& more) {
    const std::lock_guard lock{mutex_};
    auto& sum = figures_.at(place_of(plugin, hook));
    sum.calls += more.calls, sum.batches += more.batches, sum.errors += more.errors, sum.expired += more.expired;
    sum.queue_micros += more.queue_micros, sum.run_micros += more.run_micros;
    sum.would_deny += more.would_deny, sum.would_modify += more.would_modify;
    sum.would_hold += more.would_hold, sum.would_shadow += more.would_shadow;
}

HookFigures PluginHost::figures(std::uint32_t plugin, Hook hook) const {
    const std::lock_guard lock{mutex_};
    return figures_.at(place_of(plugin, hook));
}

void PluginHost::note_worker(std::uint32_t plugin, std::int64_t pid, std::uint64_t restarts, std::uint64_t waiting) {
    const std::lock_guard lock{mutex_};
    auto& figures = plugin_figures_.at(plugin);
    figures.isolated = true;
    figures.pid = pid, figures.restarts = restarts, figures.waiting = waiting;
}

void PluginHost::note_reload(std::uint32_t plugin, bool succeeded) {
    const std::lock_guard lock{mutex_};
    auto& figures = plugin_figures_.at(plugin);
    ++(succeeded ? figures.reloads : figures.reloads_failed);
}

PluginFigures PluginHost::figures(std::uint32_t plugin) const {
    const std::lock_guard lock{mutex_};
    return plugin_figures_.at(plugin);
}

void PluginHost::close() {
    console_.close();
    mailbox_.close();
}

}  // namespace madang::server
