#include "server/metrics.hpp"

#include <cmath>
#include <fstream>
#include <sstream>
#include <utility>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include "base/log.hpp"
#include "server/plugin_commands.hpp"

namespace madang::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// One page of metrics in the making.
class Page {
  public:
    void gauge(const char* name, const char* help, double value) { single(name, help, MetricType::Gauge, value); }
    void counter(const char* name, const char* help, std::uint64_t value) {
        single(name, help, MetricType::Counter, static_cast<double>(value));
    }
    // A value for each of `items`, told apart by `label`; `value` gets an item.
    template <typename Items, typename Value>
    void each(const char* name, const char* help, MetricType type, const char* label, const Items& items, Value value) {
        auto& family = add(name, help, type);
        std::size_t index = 0;
        for (const auto& item : items) {
            auto& metric = put(family, type, static_cast<double>(value(item)));
            metric.label.push_back({label, std::to_string(index++)});
        }
    }
    void histogram(const char* name, const char* help, const char* label, const std::vector<std::unique_ptr<CommitFigures>>& all) {
        auto& family = add(name, help, MetricType::Histogram);
        for (std::size_t i = 0; i < all.size(); ++i) {
            ClientMetric metric;
            metric.label.push_back({label, std::to_string(i)});
            fill(metric.histogram, all[i]->duration);
            family.metric.push_back(std::move(metric));
        }
    }
    using Labels = std::vector<std::pair<std::string, std::string>>;
    void labelled(const char* name, const char* help, MetricType type, const std::vector<std::pair<Labels, double>>& values) {
        auto& family = add(name, help, type);
        for (const auto& [labels, value] : values) {
            auto& metric = put(family, type, value);
            for (const auto& [label, text] : labels) metric.label.push_back({label, text});
        }
    }
    std::string text() const {
        std::ostringstream out;
        prometheus::TextSerializer{}.Serialize(out, families_);
        return std::move(out).str();
    }

  private:
    MetricFamily& add(const char* name, const char* help, MetricType type) {
        return families_.emplace_back(MetricFamily{name, help, type, {}});
    }
    static ClientMetric& put(MetricFamily& family, MetricType type, double value) {
        auto& metric = family.metric.emplace_back();
        if (type == MetricType::Counter) {
            metric.counter.value = value;
        } else {
            metric.gauge.value = value;
        }
        return metric;
    }
    void single(const char* name, const char* help, MetricType type, double value) { put(add(name, help, type), type, value); }
    static void fill(ClientMetric::Histogram& histogram, const DurationFigure& figure) {
        constexpr double kMicrosPerSecond = 1e6;
        for (std::size_t i = 0; i < figure.counts().size(); ++i) {
            histogram.sample_count += figure.counts()[i].get();
            const auto is_last = i == DurationFigure::kBoundsMicros.size();
            const auto bound = is_last ? HUGE_VAL : static_cast<double>(DurationFigure::kBoundsMicros[i]) / kMicrosPerSecond;
            histogram.bucket.push_back({histogram.sample_count, bound});
        }
        histogram.sample_sum = static_cast<double>(figure.total_micros()) / kMicrosPerSecond;
    }

    std::vector<MetricFamily> families_;
};

double resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    double pages = 0;
    file >> pages >> pages;  // the second figure
    return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void add_engines(Page& page, const Runtime& runtime) {
    std::vector<EngineFigures> engines;
    for (std::size_t i = 0; i < runtime.config().server.engines; ++i) engines.push_back(runtime.loops()[i]->engine_figures());
    const auto gauge = [&](const char* name, const char* help, std::uint64_t EngineFigures::* figure) {
        page.each(name, help, MetricType::Gauge, "engine", engines, [&](const EngineFigures& one) { return one.*figure; });
    };
    const auto counter = [&](const char* name, const char* help, std::uint64_t EngineFigures::* figure) {
        page.each(name, help, MetricType::Counter, "engine", engines, [&](const EngineFigures& one) { return one.*figure; });
    };
    gauge("madang_engine_users", "Users in memory.", &EngineFigures::users);
    gauge("madang_engine_conversations", "Conversations in memory.", &EngineFigures::conversations);
    gauge("madang_engine_sessions", "Attached sockets.", &EngineFigures::sessions);
    gauge("madang_engine_pollers", "Open long polls.", &EngineFigures::pollers);
    gauge("madang_engine_lanes_waiting", "Requests that wait behind an edit or deletion of their sender.", &EngineFigures::in_lanes);
    gauge("madang_engine_parked_requests", "Requests that wait for cold state.", &EngineFigures::parked);
    gauge("madang_engine_fan_out_pending", "Entries not yet in every inbox.", &EngineFigures::fan_out_pending);
    counter("madang_engine_messages_total", "Messages stored.", &EngineFigures::messages);
    counter("madang_engine_edits_total", "Messages edited.", &EngineFigures::edits);
    counter("madang_engine_deletions_total", "Messages deleted.", &EngineFigures::deletions);
    counter("madang_engine_shadowed_total", "Messages stored that only their authors see.", &EngineFigures::shadowed);
    gauge("madang_held_messages", "Messages that wait for review.", &EngineFigures::held_waiting);
    counter("madang_held_total", "Messages kept back for review.", &EngineFigures::held);
    counter("madang_held_released_total", "Of these, messages that a reviewer released.", &EngineFigures::held_released);
    counter("madang_held_refused_total", "Of these, messages that a reviewer refused.", &EngineFigures::held_refused);
    counter("madang_engine_inbox_items_total", "Inbox items stored.", &EngineFigures::inbox_items);
    counter("madang_engine_reads_total", "Read markers moved.", &EngineFigures::reads);
    gauge("madang_users_online", "Users online.", &EngineFigures::online);
    gauge("madang_users_watched", "Users whose presence somebody at this engine watches.", &EngineFigures::watched);
    gauge("madang_presence_waiting", "Of these, users whose change is still to be told.", &EngineFigures::presence_waiting);
    counter("madang_presence_changes_total", "Users who came online or went offline.", &EngineFigures::presence_changes);
    counter("madang_presence_signals_total", "Presence told to sockets.", &EngineFigures::presence_signals);
    counter("madang_presence_coalesced_total", "Changes that replaced one which was still to be told.", &EngineFigures::presence_coalesced);
    counter("madang_typing_signals_total", "Typing told to sockets.", &EngineFigures::typing_signals);
    counter("madang_receipts_total", "Times that a member was found to have received or read more.", &EngineFigures::receipts);
    counter("madang_receipt_signals_total", "Receipts told to sockets.", &EngineFigures::receipt_signals);
    gauge("madang_receipts_waiting", "Receipts on their way to their conversation.", &EngineFigures::receipts_waiting);
    counter("madang_engine_joins_total", "Members who joined a group after its creation.", &EngineFigures::joins);
    counter("madang_engine_leaves_total", "Members who left a group or were removed.", &EngineFigures::leaves);
    counter("madang_engine_bans_total", "Users banned from a group.", &EngineFigures::bans);
    counter("madang_engine_settings_changes_total", "Times that a group got a title or settings.", &EngineFigures::settings_changes);
    counter("madang_engine_member_changes_total", "Roles and mutes that were set.", &EngineFigures::member_changes);
    counter("madang_engine_invites_total", "Invite links made.", &EngineFigures::invites);
    counter("madang_engine_mentions_total", "Users named in messages.", &EngineFigures::mentions);
    counter("madang_engine_loads_total", "Users and conversations read from the store.", &EngineFigures::loads);
    counter("madang_engine_evictions_total", "Users and conversations dropped from memory.", &EngineFigures::evictions);
    gauge("madang_engine_relations_pending", "Pairs of users with changes not yet in both copies.", &EngineFigures::relations_pending);
    counter("madang_engine_friend_requests_total", "Friends asked or accepted.", &EngineFigures::friend_requests);
    counter("madang_engine_blocks_total", "Blocks set.", &EngineFigures::blocks);
    counter("madang_engine_password_changes_total", "Passwords changed by their users.", &EngineFigures::password_changes);
    counter("madang_engine_deleted_accounts_total", "Accounts deleted by their users.", &EngineFigures::deleted_accounts);
    gauge("madang_engine_departures_pending", "Deleted accounts that are not gone from everywhere yet.",
          &EngineFigures::departures_pending);
    counter("madang_engine_resyncs_total", "Cursors that could not be served.", &EngineFigures::resyncs);
}

void add_loops(Page& page, const Runtime& runtime) {
    const auto& loops = runtime.loops();
    const auto one = [&](const char* name, const char* help, MetricType type, Figure LoopFigures::* figure) {
        page.each(name, help, type, "loop", loops, [&](const std::unique_ptr<Loop>& loop) { return (loop->figures().*figure).get(); });
    };
    one("madang_loop_turns_total", "Turns.", MetricType::Counter, &LoopFigures::turns);
    one("madang_loop_replies_total", "Requests answered.", MetricType::Counter, &LoopFigures::replies);
    one("madang_loop_parcels_total", "Parcels sent to other loops.", MetricType::Counter, &LoopFigures::forwarded);
    one("madang_loop_requests_waiting", "Requests without an answer, open long polls included.", MetricType::Gauge,
        &LoopFigures::requests_waiting);
    one("madang_loop_turns_waiting", "Turns whose batch is not durable yet.", MetricType::Gauge, &LoopFigures::effects_waiting);
}

void add_commits(Page& page, const Runtime& runtime) {
    const auto& commits = runtime.commit_figures();
    const auto one = [&](const char* name, const char* help, MetricType type, Figure CommitFigures::* figure) {
        page.each(name, help, type, "committer", commits,
                  [&](const std::unique_ptr<CommitFigures>& c) { return (c.get()->*figure).get(); });
    };
    page.histogram("madang_commit_seconds", "Synced writes.", "committer", commits);
    one("madang_commit_rows_total", "Rows written.", MetricType::Counter, &CommitFigures::rows);
    one("madang_commit_bytes_total", "Bytes of rows written.", MetricType::Counter, &CommitFigures::bytes);
    one("madang_commit_in_doubt_total", "Writes of unknown outcome, repeated.", MetricType::Counter, &CommitFigures::in_doubt);
    one("madang_commit_full_total", "Writes refused for want of space, repeated.", MetricType::Counter, &CommitFigures::full);
    one("madang_commit_waiting_bytes", "Bytes that wait to be written again.", MetricType::Gauge, &CommitFigures::waiting_bytes);
}

void add_pools(Page& page, const Runtime& runtime) {
    const auto readers = runtime.reader_figures();
    page.gauge("madang_reads_waiting", "Reads that wait for a thread.", static_cast<double>(readers.waiting));
    page.counter("madang_reads_total", "Reads begun.", readers.done);
    page.counter("madang_reads_refused_total", "Reads refused because the queue was full.", readers.refused);
    const auto passwords = runtime.password_figures();
    page.gauge("madang_passwords_waiting", "Passwords that wait for a thread.", static_cast<double>(passwords.waiting));
    page.counter("madang_passwords_total", "Passwords hashed or verified.", passwords.done);
    page.counter("madang_passwords_refused_total", "Passwords refused because the queue was full.", passwords.refused);
}

void add_listener(Page& page, const net::ListenerFigures& figures) {
    page.gauge("madang_http_connections", "Open HTTP connections.", static_cast<double>(figures.http_connections));
    page.gauge("madang_websockets", "Open WebSockets.", static_cast<double>(figures.websockets));
    page.counter("madang_connections_total", "Connections accepted.", figures.accepted);
    page.counter("madang_connections_refused_total", "Connections closed for want of descriptors.", figures.refused);
    page.counter("madang_http_requests_total", "HTTP requests.", figures.requests);
    page.counter("madang_http_errors_total", "HTTP answers from 400 on.", figures.request_errors);
    page.counter("madang_frames_in_total", "WebSocket messages received.", figures.frames_in);
    page.counter("madang_frames_out_total", "WebSocket messages sent.", figures.frames_out);
    page.counter("madang_bytes_in_total", "Bytes received.", figures.bytes_in);
    page.counter("madang_bytes_out_total", "Bytes sent.", figures.bytes_out);
    page.counter("madang_slow_consumers_total", "Sockets closed with 4002.", figures.slow_consumers);
    page.counter("madang_heartbeats_lost_total", "Sockets closed with 4008.", figures.heartbeats_lost);
    page.counter("madang_bad_frames_total", "Sockets closed with 4004.", figures.bad_frames);
    page.counter("madang_signals_dropped_total", "Signals that a socket had no room for.", figures.signals_dropped);
}

// Verdicts are counted where they are decided, in the engines; what a call costs by whoever runs the plugins.
void add_checks(Page& page, const Runtime& runtime, const PluginHost& host) {
    std::vector<std::pair<Page::Labels, double>> outcomes, open;
    std::uint64_t late = 0;
    for (std::size_t i = 0; i < runtime.config().server.engines; ++i) late += runtime.loops()[i]->engine_figures().late_verdicts;
    const auto sums = sum_of_checks(runtime);
    for (std::uint32_t stage = 0; stage < sums.size(); ++stage) {
        const auto& plugin = host.plugins()[host.plugin_of_stage(stage)].name;
        const auto add = [&](const char* outcome, std::uint64_t count) {
            outcomes.push_back({{{"plugin", plugin}, {"outcome", outcome}}, static_cast<double>(count)});
        };
        const auto& sum = sums[stage];
        add("allowed", sum.allowed), add("denied", sum.denied), add("modified", sum.modified), add("error", sum.errors);
        add("held", sum.held), add("shadowed", sum.shadowed);
        add("late", sum.late), add("mailbox_full", sum.refused), add("breaker_open", sum.skipped);
        open.push_back({{{"plugin", plugin}}, sum.is_open ? 1.0 : 0.0});
    }
    page.labelled("madang_check_outcomes_total", "What became of messages put to a plugin.", MetricType::Counter, outcomes);
    page.labelled("madang_check_breaker_open", "1 while the plugin is not asked in some engine, because it kept failing.",
                  MetricType::Gauge, open);
    page.counter("madang_check_late_verdicts_total", "Verdicts that nobody waited for any more.", late);
}

void add_plugin_processes(Page& page, const PluginHost& host) {
    std::vector<std::pair<Page::Labels, double>> up, restarts, waiting, reloads;
    for (std::uint32_t i = 0; i < host.plugins().size(); ++i) {
        const auto& name = host.plugins()[i].name;
        const auto figures = host.figures(i);
        reloads.push_back({{{"plugin", name}, {"outcome", "done"}}, static_cast<double>(figures.reloads)});
        reloads.push_back({{{"plugin", name}, {"outcome", "failed"}}, static_cast<double>(figures.reloads_failed)});
        if (!figures.isolated) continue;
        up.push_back({{{"plugin", name}}, figures.pid != 0 ? 1.0 : 0.0});
        restarts.push_back({{{"plugin", name}}, static_cast<double>(figures.restarts)});
        waiting.push_back({{{"plugin", name}}, static_cast<double>(figures.waiting)});
    }
    page.labelled("madang_plugin_reloads_total", "Reloads of a plugin; a failed one left the old code in.", MetricType::Counter, reloads);
    page.labelled("madang_plugin_worker_up", "1 while a plugin with isolation = \"process\" has its worker.", MetricType::Gauge, up);
    page.labelled("madang_plugin_worker_restarts_total", "Workers that replaced one that had ended or was blocked.", MetricType::Counter,
                  restarts);
    page.labelled("madang_plugin_worker_queue", "Calls that a plugin's worker hasn't been given yet.", MetricType::Gauge, waiting);
}

void add_feeds(Page& page, const Feeder& feeder, Time now) {
    std::vector<std::pair<Page::Labels, double>> positions, behind, seconds, batches, failures;
    for (const auto& [plugin, feed] : feeder.figures()) {
        const Page::Labels labels{{"plugin", plugin}};
        constexpr double kMillis = 1e-3;
        const auto age = feed.oldest == Time{} ? 0.0 : static_cast<double>(std::max(now - feed.oldest, Millis{0}).count()) * kMillis;
        positions.push_back({labels, static_cast<double>(feed.position)});
        behind.push_back({labels, static_cast<double>(feed.behind)});
        seconds.push_back({labels, age});
        batches.push_back({labels, static_cast<double>(feed.batches)});
        failures.push_back({labels, static_cast<double>(feed.failures)});
    }
    page.labelled("madang_feed_position", "Entries that a plugin has been fed and has taken, since it was first there.", MetricType::Gauge,
                  positions);
    page.labelled("madang_feed_lag_entries", "Stored entries that a plugin has not taken yet.", MetricType::Gauge, behind);
    page.labelled("madang_feed_lag_seconds", "Age of the oldest entry that a plugin has not taken yet; 0 when it has all.",
                  MetricType::Gauge, seconds);
    page.labelled("madang_feed_batches_total", "Batches of the committed feed that a plugin has taken.", MetricType::Counter, batches);
    page.labelled("madang_feed_failures_total", "Batches of the committed feed that a plugin failed or was late with.", MetricType::Counter,
                  failures);
}

// Pushes are counted where they are decided and ended, in the engines.
void add_pushes(Page& page, const Runtime& runtime, const PluginHost& host) {
    const auto rules = host.push_rules();
    if (rules.empty()) return;
    EngineFigures sum;
    std::vector<PushFigures> plugins(rules.size());
    for (std::size_t i = 0; i < runtime.config().server.engines; ++i) {
        const auto figures = runtime.loops()[i]->engine_figures();
        sum.push_undecided += figures.push_undecided, sum.push_depth += figures.push_depth;
        sum.push_overdue_ms = std::max(sum.push_overdue_ms, figures.push_overdue_ms);
        sum.pushes_decided += figures.pushes_decided, sum.pushes_ended += figures.pushes_ended;
        sum.pushes_cancelled += figures.pushes_cancelled, sum.pushes_dead += figures.pushes_dead;
        for (std::size_t rule = 0; rule < figures.pushes.size(); ++rule) {
            const auto& one = figures.pushes[rule];
            auto& plugin = plugins[rule];
            plugin.sent += one.sent, plugin.gone += one.gone, plugin.retried += one.retried, plugin.errors += one.errors;
            plugin.late += one.late, plugin.refused += one.refused, plugin.is_open |= one.is_open;
        }
    }
    page.gauge("madang_push_outbox", "Notifications that are still to be handed out.", static_cast<double>(sum.push_depth));
    page.gauge("madang_push_overdue_seconds", "How long the oldest of them is due.", static_cast<double>(sum.push_overdue_ms) / 1000);
    page.gauge("madang_push_undecided", "Messages that wait for an ack of an attached device.", static_cast<double>(sum.push_undecided));
    page.counter("madang_pushes_decided_total", "Notifications that became due.", sum.pushes_decided);
    page.counter("madang_pushes_ended_total", "Of these, handed out to all their targets.", sum.pushes_ended);
    page.counter("madang_pushes_cancelled_total", "Of these, read, deleted, muted or left before they went out.", sum.pushes_cancelled);
    page.counter("madang_pushes_dead_total", "Of these, given up.", sum.pushes_dead);
    std::vector<std::pair<Page::Labels, double>> outcomes, open;
    for (std::size_t rule = 0; rule < rules.size(); ++rule) {
        const auto add = [&](const char* outcome, std::uint64_t count) {
            outcomes.push_back({{{"plugin", rules[rule].plugin}, {"outcome", outcome}}, static_cast<double>(count)});
        };
        const auto& plugin = plugins[rule];
        add("sent", plugin.sent), add("gone", plugin.gone), add("retry", plugin.retried), add("error", plugin.errors);
        add("late", plugin.late), add("mailbox_full", plugin.refused);
        open.push_back({{{"plugin", rules[rule].plugin}}, plugin.is_open ? 1.0 : 0.0});
    }
    page.labelled("madang_push_outcomes_total", "What became of notifications given to a plugin.", MetricType::Counter, outcomes);
    page.labelled("madang_push_breaker_open", "1 while the plugin is given none in some engine, because it kept failing.",
                  MetricType::Gauge, open);
}

void add_plugins(Page& page, const Runtime& runtime, const PluginHost& host) {
    add_checks(page, runtime, host);
    add_pushes(page, runtime, host);
    struct Row {
        const char* name;
        const char* help;
        double unit;
        std::uint64_t HookFigures::* figure;
    };
    constexpr double kMicros = 1e-6;
    constexpr Row kRows[] = {
        {"madang_hook_calls_total", "Calls given to a plugin's hook.", 1, &HookFigures::calls},
        {"madang_hook_batches_total", "Runs of a plugin's hook.", 1, &HookFigures::batches},
        {"madang_hook_errors_total", "Calls that a plugin's hook failed.", 1, &HookFigures::errors},
        {"madang_hook_expired_total", "Calls dropped because their deadline had passed before the hook could run.", 1,
         &HookFigures::expired},
        {"madang_hook_queue_seconds_total", "Time that calls waited for their hook.", kMicros, &HookFigures::queue_micros},
        {"madang_hook_run_seconds_total", "Time that a plugin's hook ran.", kMicros, &HookFigures::run_micros},
        {"madang_hook_would_deny_total", "Messages that a plugin in mode observe would have denied.", 1, &HookFigures::would_deny},
        {"madang_hook_would_modify_total", "Messages that a plugin in mode observe would have modified.", 1, &HookFigures::would_modify},
        {"madang_hook_would_hold_total", "Messages that a plugin in mode observe would have held.", 1, &HookFigures::would_hold},
        {"madang_hook_would_shadow_total", "Messages that a plugin in mode observe would have shadowed.", 1, &HookFigures::would_shadow},
    };
    for (const auto& row : kRows) {
        std::vector<std::pair<Page::Labels, double>> values;
        for (std::uint32_t i = 0; i < host.plugins().size(); ++i) {
            const auto& plugin = host.plugins()[i];
            for (std::size_t which = 0; which < kHooks; ++which) {
                const auto hook = static_cast<Hook>(which);
                if (!plugin.rule(hook)) continue;
                const auto value = static_cast<double>(host.figures(i, hook).*row.figure) * row.unit;
                values.push_back({{{"plugin", plugin.name}, {"hook", std::string{name_of(hook)}}}, value});
            }
        }
        page.labelled(row.name, row.help, MetricType::Counter, values);
    }
    add_plugin_processes(page, host);
    if (const auto* feeder = runtime.feeder()) add_feeds(page, *feeder, runtime.clock().now());
    const auto mailbox = host.mailbox().figures();
    page.gauge("madang_mailbox_calls", "Calls that wait to be taken out of the mailbox.", static_cast<double>(mailbox.waiting));
    page.counter("madang_mailbox_refused_total", "Calls for which the mailbox had no room.", mailbox.refused);
    page.counter("madang_mailbox_wake_ups_total", "Wake-ups of the thread that runs the plugins.", mailbox.wake_ups);
    std::uint64_t late = 0;
    for (const auto& loop : runtime.loops()) late += loop->late_identities();
    page.counter("madang_late_identities_total", "Answers of authenticate that nobody waited for any more.", late);
}

}  // namespace

std::string render_metrics(const Runtime& runtime, const net::Listener* listener) {
    Page page;
    add_engines(page, runtime);
    add_loops(page, runtime);
    add_commits(page, runtime);
    add_pools(page, runtime);
    if (const auto* host = runtime.plugins()) add_plugins(page, runtime, *host);
    if (listener != nullptr) add_listener(page, listener->figures());
    page.gauge("madang_store_has_space", "1 while sends are taken, 0 below the floor of free space.", runtime.store().has_space() ? 1 : 0);
    page.gauge("madang_resident_bytes", "Resident memory of the process.", resident_bytes());
    page.counter("madang_log_lines_dropped_total", "Log lines dropped because the queue was full.", dropped_log_lines());
    return page.text();
}

}  // namespace madang::server
