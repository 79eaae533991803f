#include "server/plugin_commands.hpp"

#include <algorithm>
#include <cstdio>

#include "server/loop.hpp"
#include "server/plugin_host.hpp"

namespace madang::server {
namespace {

// In ms, of one call.
std::string mean(std::uint64_t micros, std::uint64_t calls) {
    char text[32];
    constexpr double kMicros = 1e-3;
    std::snprintf(text, sizeof text, "%.3f", calls == 0 ? 0.0 : static_cast<double>(micros) * kMicros / static_cast<double>(calls));
    return text;
}

}  // namespace

std::vector<CheckFigures> sum_of_checks(const Runtime& runtime) {
    std::vector<CheckFigures> sums(runtime.plugins()->check_rules().size());
    for (std::size_t i = 0; i < runtime.config().server.engines; ++i) {
        const auto figures = runtime.loops()[i]->engine_figures();
        for (std::size_t stage = 0; stage < figures.checks.size(); ++stage) {
            auto& sum = sums[stage];
            const auto& one = figures.checks[stage];
            sum.allowed += one.allowed, sum.denied += one.denied, sum.modified += one.modified, sum.errors += one.errors;
            sum.held += one.held, sum.shadowed += one.shadowed;
            sum.late += one.late, sum.refused += one.refused, sum.skipped += one.skipped, sum.is_open |= one.is_open;
        }
    }
    return sums;
}

Result<> list_plugins(const Runtime& runtime, const RowSink& rows) {
    if (runtime.plugins() == nullptr) return {};
    const auto& host = *runtime.plugins();
    const auto checks = sum_of_checks(runtime);
    std::uint32_t stage = 0;
    for (std::uint32_t i = 0; i < host.plugins().size(); ++i) {
        const auto& plugin = host.plugins()[i];
        const auto whole = host.figures(i);
        for (std::size_t which = 0; which < kHooks; ++which) {
            const auto hook = static_cast<Hook>(which);
            if (!plugin.rule(hook)) continue;
            const auto figures = host.figures(i, hook);
            const auto* check = hook == Hook::check ? &checks.at(stage++) : nullptr;
            const auto ran = figures.calls - std::min(figures.expired, figures.calls);
            rows({plugin.name, std::string{name_of(hook)}, whole.isolated ? "process" : "none",
                  whole.pid == 0 ? "" : std::to_string(whole.pid), std::to_string(whole.restarts), std::to_string(whole.waiting),
                  std::to_string(whole.reloads), std::to_string(figures.calls), std::to_string(figures.errors),
                  std::to_string(check != nullptr ? check->late : figures.expired),
                  check == nullptr ? ""
                  : check->is_open ? "open"
                                   : "closed",
                  mean(figures.queue_micros, ran), mean(figures.run_micros, figures.batches)});
        }
    }
    return {};
}

Result<> reload_plugins(const Runtime& runtime, const std::string& name, const RowSink& rows, std::stop_token stop) {
    if (runtime.plugins() == nullptr) return fail(Code::bad_request, "this server has no plugins");
    auto reloaded = runtime.plugins()->console().ask("reload", name.empty() ? Fields{} : Fields{name}, std::move(stop));
    if (!reloaded) return std::unexpected(std::move(reloaded.error()));
    for (const auto& row : *reloaded) rows(row);
    return {};
}

}  // namespace madang::server
