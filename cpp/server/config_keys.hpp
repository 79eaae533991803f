// The one table of configuration keys, and how their values are read and written. Immutable; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config.hpp"

namespace madang::server {

// Where a key's value lives. The member's type decides how it is written: bool, number, size ("64MiB"), duration ("30s"), text, list.
using Place = std::variant<bool& (*)(Config&), std::uint16_t& (*)(Config&), std::uint32_t& (*)(Config&), std::size_t& (*)(Config&),
                           Millis& (*)(Config&), std::string& (*)(Config&), std::vector<std::string>& (*)(Config&)>;

struct ConfigKey {
    std::string_view section;
    std::string_view name;
    Place place;
    std::string_view meaning;
    std::uint64_t min = 0;  // of numbers; sizes in bytes, durations in milliseconds
    std::uint64_t max = UINT64_MAX;
    std::vector<std::string_view> choices = {};  // of texts; empty = anything

    std::string full_name() const;
};

// In the order in which they are shown; keys of a section stand together.
std::span<const ConfigKey> config_keys();
// Null when there is none.
const ConfigKey* find_config_key(std::string_view full_name);

// A value that does not fit: what is wrong and, if there is something to say, a hint.
struct Misfit {
    std::string what;
    std::string hint;
};
using Fitted = std::expected<void, Misfit>;

// `number` suits numbers, and sizes in bytes. `text` suits everything but lists (from a file) and everything (from a flag or the
// environment: lists separated by commas).
Fitted set_boolean(const ConfigKey& key, Config& config, bool value);
Fitted set_number(const ConfigKey& key, Config& config, std::int64_t value);
Fitted set_text(const ConfigKey& key, Config& config, std::string_view value);
Fitted set_list(const ConfigKey& key, Config& config, std::vector<std::string> values);
// The same for a value that is text already but stands for any type.
Fitted set_from_text(const ConfigKey& key, Config& config, std::string_view value);

// "200ms" → 200 ms; none for anything else.
std::optional<Millis> parse_duration(std::string_view text);
// "64MiB" → bytes; likewise.
std::optional<std::uint64_t> parse_size(std::string_view text);

// The value as TOML.
std::string value_text(const ConfigKey& key, const Config& config);
// "1–1,000", "inline or thread", "true or false" … ; empty when anything goes.
std::string range_text(const ConfigKey& key);

// The candidate nearest to `word` by edit distance; empty when none is near enough to be meant.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace madang::server
