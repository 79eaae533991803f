// madangd: the server without Python, for profilers and sanitizers. The same configuration, fewer manners: `madang serve` is for people.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <string>

#include "server/server.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace {

using namespace madang::server;

constexpr const char* kUsage =
    "usage: madangd [--config FILE] [--data DIR] [--host ADDRESS] [--port N] [--engines N] [--clock system|movable] [--set "
    "SECTION.KEY=VALUE]\n";
const std::map<std::string, std::string> kFlags{{"--data", "server.data"},
                                                {"--host", "server.host"},
                                                {"--port", "server.port"},
                                                {"--engines", "server.engines"},
                                                {"--clock", "server.clock"}};

[[noreturn]] void refuse() {
    std::fputs(kUsage, stderr);
    std::exit(2);
}

ConfigInputs inputs_from(int argc, char** argv) {
    ConfigInputs inputs{.file = {}, .environment = environment_settings(environ), .flags = {}};
    for (int i = 1; i < argc; i += 2) {
        const std::string flag{argv[i]};
        if (i + 1 == argc) refuse();
        const std::string value{argv[i + 1]};
        if (flag == "--config") {
            inputs.file = value;
        } else if (const auto known = kFlags.find(flag); known != kFlags.end()) {
            inputs.flags[known->second] = value;
        } else if (const auto equals = value.find('='); flag == "--set" && equals != std::string::npos) {
            inputs.flags[value.substr(0, equals)] = value.substr(equals + 1);
        } else {
            refuse();
        }
    }
    return inputs;
}

}  // namespace

int main(int argc, char** argv) {
    const auto loaded = load_config(inputs_from(argc, argv));
    for (const auto& error : loaded.errors) std::fprintf(stderr, "%s\n", error.text().c_str());
    if (!loaded.errors.empty()) return 1;
    for (const auto& plugin : loaded.config.plugins)
        std::fprintf(stderr, "%s: plugins: madangd runs without Python (use `madang serve`)\n", plugin.place.c_str());
    if (!loaded.config.plugins.empty()) return 1;
    try {
        Server server{loaded.config, {.handle_signals = true}};
        server.start();
        return server.wait();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "madangd: %s\n", error.what());
        return 1;
    }
}
