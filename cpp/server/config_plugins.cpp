#include "server/config_plugins.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "hooks/hook.hpp"
#include "server/config_keys.hpp"

namespace madang::server {
namespace {

using Names = std::vector<std::string>;
using PlaceOf = std::function<std::string(const toml::source_region&)>;

constexpr std::size_t kMemoryMin = std::size_t{32} << 20, kMemoryMax = std::size_t{1} << 40;  // an interpreter alone has some 20 MiB
constexpr std::int64_t kTimeoutMinMs = 1, kTimeoutMaxMs = 600'000;

class Reader {
  public:
    Reader(const AddError& add, const PlaceOf& place) : add_(add), place_(place) {}

    PluginEntry entry(const toml::table& table) {
        PluginEntry out;
        out.place = place_(table.source());
        for (const auto& [key, value] : table) {
            const std::string name{key.str()};
            if (name == "use") {
                out.use = text(key, value, {});
            } else if (name == "isolation") {
                out.isolation = text(key, value, {"none", "process"});
            } else if (name == "memory") {
                out.memory = memory(key, value);
            } else if (name == "settings") {
                out.settings = settings(key, value);
            } else if (name == "hooks") {
                hooks(key, value, out);
            } else {
                unknown(key, "plugins.", {"use", "isolation", "memory", "settings", "hooks"});
            }
        }
        if (out.memory != 0 && out.isolation != "process")
            add_(table.source(), "plugins.memory", "is of a process of the plugin's own", "needs isolation = \"process\"");
        if (out.use.empty())
            add_(table.source(), "plugins.use", "is missing", "use = \"module:Class\", or the name of an installed plugin");
        return out;
    }

  private:
    void unknown(const toml::key& key, const std::string& prefix, const Names& known) {
        const auto candidate = nearest(key.str(), known);
        std::string all;
        for (const auto& each : known) all.append(all.empty() ? "" : ", ").append(each);
        add_(key.source(), prefix + std::string{key.str()}, "unknown key",
             candidate.empty() ? "one of " + all : "did you mean \"" + candidate + "\"?");
    }

    std::string text(const toml::key& key, const toml::node& value, const Names& choices) {
        const auto name = "plugins." + std::string{key.str()};
        const auto* given = value.as_string();
        if (given == nullptr || given->get().empty()) return add_(key.source(), name, "wrong type", "a text"), std::string{};
        if (!choices.empty() && std::ranges::find(choices, given->get()) == choices.end()) {
            std::string all;
            for (const auto& each : choices) all.append(all.empty() ? "\"" : " or \"").append(each).append("\"");
            add_(key.source(), name, "no such choice: \"" + given->get() + "\"", "must be " + all);
        }
        return given->get();
    }

    std::size_t memory(const toml::key& key, const toml::node& value) {
        const auto* given = value.as_string();
        const auto parsed = given == nullptr ? std::nullopt : parse_size(given->get());
        if (parsed && *parsed >= kMemoryMin && *parsed <= kMemoryMax) return *parsed;
        add_(key.source(), "plugins.memory", "no value of this kind", "a size from \"32MiB\" to \"1024GiB\", such as \"512MiB\"");
        return 0;
    }

    std::string settings(const toml::key& key, const toml::node& value) {
        if (!value.is_table()) return add_(key.source(), "plugins.settings", "wrong type", "a table: settings = { … }"), std::string{"{}"};
        std::ostringstream json;
        json << toml::json_formatter{*value.as_table()};
        return std::move(json).str();
    }

    void hooks(const toml::key& key, const toml::node& value, PluginEntry& out) {
        if (!value.is_table()) return add_(key.source(), "plugins.hooks", "wrong type", "hooks.check = { timeout = \"200ms\" }");
        for (const auto& [hook, options] : *value.as_table()) {
            const std::string name{hook.str()};
            if (!hook_named(name)) {
                unknown(hook, "plugins.hooks.", {kHookNames.begin(), kHookNames.end()});
            } else if (!options.is_table()) {
                add_(hook.source(), "plugins.hooks." + name, "wrong type", "a table: { timeout = \"200ms\", … }");
            } else {
                out.hooks[name] = options_of(name, *options.as_table());
            }
        }
    }

    PluginEntry::Hook options_of(const std::string& hook, const toml::table& table) {
        PluginEntry::Hook out;
        const auto prefix = "plugins.hooks." + hook + ".";
        const auto decides = hook == name_of(Hook::check) || hook == name_of(Hook::authenticate);  // the others only hear
        for (const auto& [key, value] : table) {
            const std::string name{key.str()};
            if (name == "timeout") {
                const auto* given = value.as_string();
                const auto parsed = given == nullptr ? std::nullopt : parse_duration(given->get());
                if (!parsed || *parsed < Millis{kTimeoutMinMs} || *parsed > Millis{kTimeoutMaxMs})
                    add_(key.source(), prefix + name, "no value of this kind", "a duration from \"1ms\" to \"10m\", such as \"200ms\"");
                else
                    out.timeout = *parsed;
            } else if (decides && name == "on_error") {
                out.on_error = text(key, value, hook == "check" ? Names{"deny", "allow", "hold"} : Names{"deny"});
            } else if (decides && name == "mode") {
                out.mode = text(key, value, hook == "check" ? Names{"enforce", "observe"} : Names{"enforce"});
            } else {
                unknown(key, prefix, decides ? Names{"timeout", "on_error", "mode"} : Names{"timeout"});
            }
        }
        return out;
    }

    const AddError& add_;
    const PlaceOf& place_;
};

}  // namespace

std::vector<PluginEntry> read_plugins(const toml::node& node, const AddError& add, const PlaceOf& place) {
    std::vector<PluginEntry> out;
    const auto* entries = node.as_array();
    if (entries == nullptr) return add(node.source(), "plugins", "wrong type", "a list of tables: [[plugins]]"), out;
    Reader reader{add, place};
    for (const auto& entry : *entries) {
        if (const auto* table = entry.as_table())
            out.push_back(reader.entry(*table));
        else
            add(entry.source(), "plugins", "wrong type", "a list of tables: [[plugins]]");
    }
    return out;
}

}  // namespace madang::server
