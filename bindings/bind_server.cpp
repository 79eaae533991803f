#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "bindings.hpp"
#include "server/server.hpp"

namespace madang::bindings {

using server::Server;

namespace {

using HookTuple = std::tuple<std::int64_t, std::string, bool>;  // timeout in ms, on_error, observe
using PluginTuple =
    std::tuple<std::string, std::map<std::string, HookTuple>, std::vector<std::string>>;  // name, {hook: how it is used}, providers

server::PluginSpec spec_of(const PluginTuple& given) {
    const auto& [name, hooks, providers] = given;
    server::PluginSpec spec{.name = name};
    spec.providers = providers;
    for (const auto& [hook, options] : hooks) {
        const auto& [timeout, on_error, observe] = options;
        const auto rule = on_error == "allow" ? OnError::allow : on_error == "hold" ? OnError::hold : OnError::deny;
        spec.rule(hook_named(hook).value()) = HookRule{Millis{timeout}, rule, observe};
    }
    return spec;
}

std::unique_ptr<Server> make_server(const std::optional<std::string>& config, const Overrides& overrides, bool handle_signals,
                                    const std::vector<PluginTuple>& plugins) {
    auto loaded = load(config, overrides);
    if (!loaded.errors.empty()) raise_config_error(loaded.errors);
    server::ServerOptions options{.handle_signals = handle_signals};
    for (const auto& each : plugins) {
        options.plugins.push_back(spec_of(each));
        // Who brings accounts of its own decides who gets one.
        if (options.plugins.back().rule(Hook::authenticate) && !loaded.origins.contains("accounts.sign_up"))
            loaded.config.accounts.sign_up = false;
    }
    return std::make_unique<Server>(std::move(loaded.config), std::move(options));
}

template <typename Run>
void or_start_error(Run&& run) {
    std::string problem;
    {
        const py::gil_scoped_release released;
        try {
            run();
        } catch (const server::StartError& error) {
            problem = error.what();
        }
    }
    if (!problem.empty()) raise_start_error(problem);
}

}  // namespace

void bind_server(py::module_& module) {
    using namespace py::literals;
    py::class_<Server>(module, "Server",
                       "A server in this process. Its threads never touch Python; every call that may block lets go of the GIL.")
        .def(py::init([](const std::optional<std::string>& config, const Overrides& overrides, bool handle_signals,
                         const std::vector<PluginTuple>& plugins) { return make_server(config, overrides, handle_signals, plugins); }),
             "config"_a = py::none(), "overrides"_a = Overrides{}, py::kw_only(), "handle_signals"_a = false,
             "plugins"_a = std::vector<PluginTuple>{})
        .def(
            "prepare", [](Server& self) { or_start_error([&] { self.prepare(); }); },
            "Opens the data folder and the store, for what plugins keep. Once only, before start().")
        .def(
            "start", [](Server& self) { or_start_error([&] { self.start(); }); }, "Returns when it serves. Once only.")
        .def("wait", &Server::wait, py::call_guard<py::gil_scoped_release>(), "Blocks until stopped; the process's exit code.")
        .def("stop", &Server::stop, py::call_guard<py::gil_scoped_release>(), "Drains, closes and joins. Any thread; idempotent.")
        .def_property_readonly("plugins", &Server::plugins)
        .def_property_readonly("url", &Server::url)
        .def_property_readonly("port", &Server::port)
        .def_property_readonly("data", &Server::data);
}

}  // namespace madang::bindings
