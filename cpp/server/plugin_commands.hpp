// What an operator asks of the plugins: `madang plugin list` and `madang plugin reload`.
//
// Thread: the administration's; reload blocks it until whoever runs the plugins has answered (plugin_console.hpp). Errors: bad_request
// (there are no plugins, no such plugin, the new code failed and the old one stays), unavailable.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "chat/checks.hpp"
#include "server/admin_protocol.hpp"
#include "server/runtime.hpp"

namespace madang::server {

// A row for each hook: plugin, hook, isolation, pid (of its worker; empty = it has none), restarts, waiting, reloads, calls, errors, late,
// breaker ("open", "closed"; empty = the hook has none that is known here), queue_ms and run_ms (the mean of a call and of a run).
Result<> list_plugins(const Runtime& runtime, const RowSink& rows);
// `name`: empty = all of the configuration. A row for each: its name.
Result<> reload_plugins(const Runtime& runtime, const std::string& name, const RowSink& rows, std::stop_token stop);

// Of all engines, a stage each.
std::vector<CheckFigures> sum_of_checks(const Runtime& runtime);

}  // namespace madang::server
