// What the parts of the module share: how a configuration comes in, and how errors go out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "base/result.hpp"
#include "server/config.hpp"

namespace madang::bindings {

namespace py = pybind11;

using Overrides = std::map<std::string, std::string>;

// The file, the environment and the overrides, with their errors.
server::LoadedConfig load(const std::optional<std::string>& file, const Overrides& overrides);
// The same, raising ConfigError where there are any. With the GIL.
server::Config load_or_raise(const std::optional<std::string>& file, const Overrides& overrides);

// The module's exceptions; made once by bind_errors. All with the GIL.
[[noreturn]] void raise_config_error(const std::vector<server::ConfigError>& errors);
[[noreturn]] void raise_start_error(const std::string& message);
[[noreturn]] void raise_admin_error(const Error& error);
[[noreturn]] void raise_not_running(const std::string& data);

void bind_errors(py::module_& module);
void bind_config(py::module_& module);
void bind_plugins(py::module_& module);
void bind_server(py::module_& module);
void bind_fork(py::module_& module);
void bind_admin(py::module_& module);

}  // namespace madang::bindings
