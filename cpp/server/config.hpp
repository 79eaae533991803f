// The configuration: one TOML file, flag > MADANG_SECTION__KEY > file > default. What keys there are stands in config_keys.cpp and nowhere
// else: reading, `config show` and `config doc` all walk that table.
//
// Values; immutable after start; any thread. Nothing here throws: every error is gathered, so that one run shows them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"

namespace madang::server {

struct Config {
    struct Server {
        std::string host = "127.0.0.1";
        std::uint16_t port = 8080;
        std::string data = "./madang-data";
        std::uint32_t engines = 1;
        std::uint32_t io_threads = 0;  // 0 = one per engine
        std::uint32_t reader_threads = 2;
        std::uint32_t worker = 0;  // of engine 0; engine n has worker + n
        std::vector<std::string> origins;
        std::string region;
        std::string public_url;
        std::string log_level = "info";
        std::string log_format = "text";
        Millis drain{30'000};
        std::string clock = "system";
        Millis clock_ahead{0};
    };
    struct StoreSection {
        std::string commit = "inline";
        std::size_t free_space_floor = 64 << 20;
        std::size_t cache = 8 << 20;
        std::size_t write_buffer = 16 << 20;
    };
    struct Accounts {
        bool sign_up = true;
        std::uint32_t password_threads = 0;  // 0 = half the processors
        std::uint32_t password_queue = 64;
        std::string system = "system";  // the account that plugins write as
        std::string system_name = "System";
    };

    // Of [[plugins]], in order. What is left out stands in the plugin's class, or is the default.
    struct PluginEntry {
        struct Hook {
            std::optional<Millis> timeout;
            std::string on_error;  // empty = not said; likewise `mode`
            std::string mode;
        };
        std::string use;
        std::string isolation;        // "none" or "process"; empty = as the class says
        std::size_t memory = 0;       // resident bytes of its process; 0 = as many as it likes
        std::string settings = "{}";  // as JSON
        std::map<std::string, Hook> hooks;
        std::string place;  // "madang.toml:12"
    };

    Server server;
    StoreSection store;
    Limits limits;  // also holds what [presence] and [accounts] say of times
    Accounts accounts;
    std::vector<PluginEntry> plugins;

    std::uint32_t loops() const { return server.io_threads == 0 ? server.engines : server.io_threads; }
};

using PluginEntry = Config::PluginEntry;

struct ConfigError {
    std::string place;  // "madang.toml:12", "MADANG_SERVER__PORT" or "flag"
    std::string key;    // "server.port"; empty = of the file as a whole
    std::string what;
    std::string hint;  // may be empty

    // "place: key: what (hint)"
    std::string text() const;
};

// "section.key" → value as text.
using Settings = std::map<std::string, std::string>;

struct ConfigInputs {
    std::optional<std::string> file;  // none = no file; one that can't be read is an error
    Settings environment;
    Settings flags;
};

struct LoadedConfig {
    Config config;                               // where there are errors: what could be read
    std::map<std::string, std::string> origins;  // "section.key" → place, for what isn't the default
    std::vector<ConfigError> errors;             // none = good
};

LoadedConfig load_config(const ConfigInputs& inputs);
// MADANG_SECTION__KEY of these variables ("NAME=value", ended by null); other variables are left out.
Settings environment_settings(const char* const* variables);

// The effective values as TOML, each with where it comes from.
std::string show_config(const LoadedConfig& loaded);
// Every key with its default, its range and its meaning, as TOML with comments.
std::string document_config();

}  // namespace madang::server
