#include "bindings.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace madang::bindings {

server::LoadedConfig load(const std::optional<std::string>& file, const Overrides& overrides) {
    return server::load_config({.file = file, .environment = server::environment_settings(environ), .flags = overrides});
}

server::Config load_or_raise(const std::optional<std::string>& file, const Overrides& overrides) {
    auto loaded = load(file, overrides);
    if (!loaded.errors.empty()) raise_config_error(loaded.errors);
    return std::move(loaded.config);
}

void bind_config(py::module_& module) {
    using namespace py::literals;
    module.def(
        "check_config",
        [](const std::optional<std::string>& file, const Overrides& overrides) {
            std::vector<std::string> errors;
            for (const auto& error : load(file, overrides).errors) errors.push_back(error.text());
            return errors;
        },
        "config"_a, "overrides"_a = Overrides{}, "The errors of a configuration, each with its file, line, key and a hint.");
    module.def(
        "show_config",
        [](const std::optional<std::string>& file, const Overrides& overrides) {
            const auto loaded = load(file, overrides);
            if (!loaded.errors.empty()) raise_config_error(loaded.errors);
            return server::show_config(loaded);
        },
        "config"_a, "overrides"_a = Overrides{}, "The effective values as TOML, each with where it comes from.");
    module.def(
        "plugins_of_config",
        [](const std::optional<std::string>& file, const Overrides& overrides) {
            py::list out;
            for (const auto& plugin : load_or_raise(file, overrides).plugins) {
                py::dict hooks;
                for (const auto& [hook, options] : plugin.hooks) {
                    const auto timeout = options.timeout ? py::object{py::int_(options.timeout->count())} : py::object{py::none()};
                    hooks[py::str(hook)] = py::make_tuple(timeout, options.on_error, options.mode);
                }
                out.append(py::make_tuple(plugin.use, plugin.settings, std::move(hooks), plugin.place, plugin.isolation, plugin.memory));
            }
            return out;
        },
        "config"_a, "overrides"_a = Overrides{}, "The [[plugins]] of a configuration, in order.");
    module.def("config_doc", &server::document_config, "Every key with its default and its meaning, as TOML with comments.");
}

}  // namespace madang::bindings
