// The [[plugins]] of a configuration file: whom to load and how its hooks are used. What a plugin's class itself says is Python's to read.
// Values; any thread. Every error is gathered, with its line.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <toml++/toml.h>

#include "server/config.hpp"

namespace madang::server {

using AddError = std::function<void(const toml::source_region& at, std::string key, std::string what, std::string hint)>;

std::vector<PluginEntry> read_plugins(const toml::node& node, const AddError& add,
                                      const std::function<std::string(const toml::source_region&)>& place);

}  // namespace madang::server
