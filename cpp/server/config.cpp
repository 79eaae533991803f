#include "server/config.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include <toml++/toml.h>

#include "server/config_keys.hpp"
#include "server/config_plugins.hpp"

namespace madang::server {
namespace {

constexpr std::size_t kCodePointBytesMax = 12;  // a surrogate pair as two \uXXXX

std::vector<std::string> section_names() {
    std::vector<std::string> names;
    for (const auto& key : config_keys()) {
        if (names.empty() || names.back() != key.section) names.emplace_back(key.section);
    }
    names.emplace_back("plugins");
    return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    const auto candidate = nearest(word, candidates);
    return candidate.empty() ? "`madang config doc` lists all keys" : "did you mean \"" + candidate + "\"?";
}

std::string hint_for_unknown(std::string_view section, std::string_view name) {
    const auto sections = section_names();
    if (std::ranges::find(sections, section) == sections.end()) return did_you_mean(section, sections);
    std::vector<std::string> names;
    for (const auto& key : config_keys()) {
        if (key.section == section) names.emplace_back(key.name);
        // The right word in the wrong section is the likeliest slip of all.
        if (key.name == name) return "did you mean \"" + key.full_name() + "\"?";
    }
    return did_you_mean(name, names);
}

class Loader {
  public:
    explicit Loader(LoadedConfig& loaded) : loaded_(loaded) {}

    void read_file(const std::string& file) {
        file_ = file;
        try {
            const auto document = toml::parse_file(file);
            for (const auto& [section, node] : document) read_section(section, node);
        } catch (const toml::parse_error& error) {
            add(line_of(error.source()), {}, std::string{error.description()}, "the file must be TOML");
        }
    }

    void read_settings(const Settings& settings, bool environment) {
        for (const auto& [name, value] : settings) {
            const auto place = environment ? variable_name(name) : std::string{"flag"};
            if (const auto* key = find_config_key(name)) {
                take(place, *key, set_from_text(*key, loaded_.config, value));
            } else {
                const auto dot = name.find('.');
                const auto rest = dot == std::string::npos ? std::string{} : name.substr(dot + 1);
                add(place, name, "unknown key", hint_for_unknown(name.substr(0, dot), rest));
            }
        }
    }

    // What no single key can say.
    void check_together() {
        const auto& config = loaded_.config;
        if (config.server.io_threads != 0 && config.server.io_threads < config.server.engines) {
            add_for("server.io_threads", "fewer threads than engines", "at least server.engines, or 0");
        }
        if (config.server.worker + config.server.engines > 1'024) {
            add_for("server.worker", "no number left for every engine", "worker + engines may be 1024 at most");
        }
        if (config.server.host.empty()) add_for("server.host", "may not be empty", "\"127.0.0.1\", or \"0.0.0.0\" for every address");
        if (config.server.data.empty()) add_for("server.data", "may not be empty", "a folder");
        if (config.server.clock != "movable" && config.server.clock_ahead != Millis{0}) {
            add_for("server.clock_ahead", "real time is never ahead", "server.clock = \"movable\", in tests");
        }
        const auto& url = config.server.public_url;
        if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://")) {
            add_for("server.public_url", "not a URL", "begins with http:// or https://");
        }
        if (config.limits.offline_after <= config.limits.heartbeat) {
            add_for("presence.offline_after", "not longer than the heartbeat", "several times presence.heartbeat");
        }
        if (config.limits.frame_bytes < config.limits.text_chars * kCodePointBytesMax + 4'096) {
            add_for("limits.frame_bytes", "too small for a message of limits.text_chars characters, each escaped",
                    "at least 12 bytes a character and 4KiB");
        }
    }

  private:
    static std::string variable_name(const std::string& key) {
        std::string out{"MADANG_"};
        for (const char c : key) {
            if (c == '.') {
                out += "__";
            } else {
                out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            }
        }
        return out;
    }

    std::string line_of(const toml::source_region& region) const {
        return region.begin ? file_ + ":" + std::to_string(region.begin.line) : file_;
    }

    void read_section(const toml::key& section, const toml::node& node) {
        const std::string name{section.str()};
        if (name == "plugins") return read_plugins(node);
        const auto names = section_names();
        if (std::ranges::find(names, name) == names.end()) {
            return add(line_of(section.source()), name, node.is_table() ? "unknown section" : "unknown key", did_you_mean(name, names));
        }
        if (!node.is_table()) return add(line_of(section.source()), name, "wrong type", "a section: [" + name + "]");
        for (const auto& [key, value] : *node.as_table()) {
            const auto full_name = name + "." + std::string{key.str()};
            if (const auto* known = find_config_key(full_name)) {
                take(line_of(key.source()), *known, set(*known, value));
            } else {
                add(line_of(key.source()), full_name, "unknown key", hint_for_unknown(name, key.str()));
            }
        }
    }

    void read_plugins(const toml::node& node) {
        loaded_.config.plugins = server::read_plugins(
            node,
            [this](const toml::source_region& at, std::string key, std::string what, std::string hint) {
                add(line_of(at), std::move(key), std::move(what), std::move(hint));
            },
            [this](const toml::source_region& at) { return line_of(at); });
    }

    Fitted set(const ConfigKey& key, const toml::node& value) {
        auto& config = loaded_.config;
        if (const auto* boolean = value.as_boolean()) return set_boolean(key, config, boolean->get());
        if (const auto* number = value.as_integer()) return set_number(key, config, number->get());
        if (const auto* text = value.as_string()) return set_text(key, config, text->get());
        std::vector<std::string> items;
        if (const auto* array = value.as_array()) {
            for (const auto& item : *array) {
                const auto* text = item.as_string();
                if (text == nullptr) return std::unexpected(Misfit{"wrong type", "every item must be a text"});
                items.push_back(text->get());
            }
            return set_list(key, config, std::move(items));
        }
        return std::unexpected(Misfit{"wrong type", "must be " + (range_text(key).empty() ? "a text" : range_text(key))});
    }

    void take(const std::string& place, const ConfigKey& key, const Fitted& fitted) {
        if (fitted) {
            loaded_.origins[key.full_name()] = place;
        } else {
            add(place, key.full_name(), fitted.error().what, fitted.error().hint);
        }
    }

    void add_for(const std::string& key, std::string what, std::string hint) {
        const auto origin = loaded_.origins.find(key);
        add(origin == loaded_.origins.end() ? "default" : origin->second, key, std::move(what), std::move(hint));
    }
    void add(std::string place, std::string key, std::string what, std::string hint) {
        loaded_.errors.push_back({std::move(place), std::move(key), std::move(what), std::move(hint)});
    }

    LoadedConfig& loaded_;
    std::string file_;
};

}  // namespace

std::string ConfigError::text() const {
    auto out = place;
    if (!key.empty()) out.append(": ").append(key);
    out.append(": ").append(what);
    if (!hint.empty()) out.append(" (").append(hint).append(")");
    return out;
}

LoadedConfig load_config(const ConfigInputs& inputs) {
    LoadedConfig loaded;
    Loader loader{loaded};
    if (inputs.file) loader.read_file(*inputs.file);
    loader.read_settings(inputs.environment, true);
    loader.read_settings(inputs.flags, false);
    if (loaded.errors.empty()) loader.check_together();
    return loaded;
}

Settings environment_settings(const char* const* variables) {
    constexpr std::string_view kPrefix = "MADANG_";
    Settings settings;
    for (; variables != nullptr && *variables != nullptr; ++variables) {
        const std::string_view variable{*variables};
        const auto equals = variable.find('=');
        const auto divider = variable.find("__", kPrefix.size());
        if (!variable.starts_with(kPrefix) || divider == std::string_view::npos || divider > equals) continue;
        auto name = std::string{variable.substr(kPrefix.size(), divider - kPrefix.size())}.append(".").append(
            variable.substr(divider + 2, equals - divider - 2));
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        settings.emplace(std::move(name), variable.substr(equals + 1));
    }
    return settings;
}

std::string show_config(const LoadedConfig& loaded) {
    std::string out;
    std::string_view section;
    for (const auto& key : config_keys()) {
        if (key.section != section) out.append(out.empty() ? "[" : "\n[").append(section = key.section).append("]\n");
        const auto origin = loaded.origins.find(key.full_name());
        auto line = std::string{key.name}.append(" = ").append(value_text(key, loaded.config));
        line.resize(std::max<std::size_t>(line.size() + 2, 40), ' ');
        out.append(line).append("# ").append(origin == loaded.origins.end() ? "default" : origin->second).append("\n");
    }
    return out;
}

std::string document_config() {
    const Config defaults;
    std::string out{
        "# Every key with its default. A flag beats the environment (MADANG_SECTION__KEY), which beats the file, which beats the "
        "default.\n"};
    std::string_view section;
    for (const auto& key : config_keys()) {
        if (key.section != section) out.append("\n[").append(section = key.section).append("]\n");
        out.append("# ").append(key.meaning);
        if (const auto range = range_text(key); !range.empty()) out.append(" Range: ").append(range).append(".");
        out.append("\n").append(key.name).append(" = ").append(value_text(key, defaults)).append("\n");
    }
    return out;
}

}  // namespace madang::server
