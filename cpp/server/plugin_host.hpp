// The server's side of its plugins: which there are, how their hooks are used, the mailbox to whoever runs them, and what they cost.
//
// Owner: Server, shared with the consumer of the mailbox (the bindings), which may outlive it. Thread: any; constant but for the mailbox
// and the figures. Limits: the mailbox's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hooks/hook.hpp"
#include "hooks/mailbox.hpp"
#include "server/plugin_console.hpp"
#include "server/plugin_store.hpp"

namespace madang::server {

struct PluginSpec {
    std::string name;                                     // unique; the origin of the accounts it makes
    std::array<std::optional<HookRule>, kHooks> hooks{};  // none = it has no such hook. One plugin of all at most authenticates
    std::vector<std::string> providers{};                 // whose registrations its `push` serves

    std::optional<HookRule>& rule(Hook hook) { return hooks[static_cast<std::size_t>(hook)]; }
    const std::optional<HookRule>& rule(Hook hook) const { return hooks[static_cast<std::size_t>(hook)]; }
};

// What the consumer has measured of one hook of one plugin.
struct HookFigures {
    std::uint64_t calls = 0, batches = 0, errors = 0, expired = 0;
    std::uint64_t queue_micros = 0, run_micros = 0;
    std::uint64_t would_deny = 0, would_modify = 0, would_hold = 0, would_shadow = 0;  // with mode = "observe"
};

// Of a plugin as a whole. `waiting` is what a worker process hasn't been given yet.
struct PluginFigures {
    bool isolated = false;  // in a worker process
    std::int64_t pid = 0;   // of the worker; 0 = there is none now
    std::uint64_t restarts = 0;
    std::uint64_t waiting = 0;
    std::uint64_t reloads = 0;         // that brought new code in
    std::uint64_t reloads_failed = 0;  // the old one stayed
};

class PluginHost {
  public:
    PluginHost(std::vector<PluginSpec> plugins, Mailbox::Deliver deliver);

    const std::vector<PluginSpec>& plugins() const { return plugins_; }
    std::vector<CheckRule> check_rules() const;
    std::vector<PushRule> push_rules() const;
    // Index of the plugin that authenticates; none = there is no such plugin.
    std::optional<std::uint32_t> authenticator() const { return authenticator_; }

    // Hands on what a turn has for plugins; the numbers of the calls that found no room.
    std::vector<std::uint64_t> post(std::uint32_t loop, std::vector<CheckCall> calls);
    std::vector<std::uint64_t> post(std::uint32_t loop, std::vector<PushCall> calls);
    // False: no room.
    bool post(std::uint32_t loop, IdentityCall call);
    bool post(std::uint32_t plugin, CommittedCall call);
    // Does any plugin listen to the committed feed?
    bool has_listeners() const;

    // What each plugin keeps. Usable from open_stores() to close_stores().
    PluginStore& store(std::uint32_t plugin) { return *stores_.at(plugin); }
    void open_stores(Store& store, Epoch epoch);
    void close_stores();

    Mailbox& mailbox() { return mailbox_; }
    const Mailbox& mailbox() const { return mailbox_; }
    PluginConsole& console() { return console_; }
    std::uint32_t plugin_of_stage(std::uint32_t stage) const { return stages_.at(stage); }
    std::uint32_t plugin_of_push(std::uint32_t rule) const { return pushers_.at(rule); }

    void note(std::uint32_t plugin, Hook hook, const HookFigures& more);
    HookFigures figures(std::uint32_t plugin, Hook hook) const;
    void note_worker(std::uint32_t plugin, std::int64_t pid, std::uint64_t restarts, std::uint64_t waiting);
    void note_reload(std::uint32_t plugin, bool succeeded);
    PluginFigures figures(std::uint32_t plugin) const;

    // The server has stopped: nothing is asked any more.
    void close();

  private:
    const std::vector<PluginSpec> plugins_;
    std::vector<std::uint32_t> stages_;   // → plugin
    std::vector<std::uint32_t> pushers_;  // likewise
    std::optional<std::uint32_t> authenticator_;
    Mailbox mailbox_;
    PluginConsole console_;
    std::vector<std::unique_ptr<PluginStore>> stores_;  // by plugin
    mutable std::mutex mutex_;
    std::vector<HookFigures> figures_;  // kHooks a plugin
    std::vector<PluginFigures> plugin_figures_;
};

}  // namespace madang::server
