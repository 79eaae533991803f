// How the values of configuration keys are read and written: units, ranges, choices.
#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <optional>
#include <utility>

#include "server/config_keys.hpp"

namespace madang::server {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};
// Greatest first: a value is written in the greatest unit that divides it.
constexpr std::array<Unit, 5> kTimeUnits{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizeUnits{{{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"B", 1}}};
constexpr std::string_view kTimeHint = R"(a number with its unit, e.g. "200ms", "30s", "5m", "2h", "90d")";
constexpr std::string_view kSizeHint = R"(a number with its unit, e.g. "512B", "256KiB", "64MiB", "1GiB")";

template <typename T>
using Accessor = T& (*)(Config&);

template <typename T>
bool holds(const ConfigKey& key) {
    return std::holds_alternative<Accessor<T>>(key.place);
}
template <typename T>
T& member(const ConfigKey& key, Config& config) {
    return std::get<Accessor<T>>(key.place)(config);
}
template <typename T>
const T& member(const ConfigKey& key, const Config& config) {
    return std::get<Accessor<T>>(key.place)(const_cast<Config&>(config));  // NOLINT: the accessor only hands out the member
}

std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    const std::string_view rest{end, text.data() + text.size()};
    for (const auto& unit : units) {
        if (unit.name != rest) continue;
        if (number > UINT64_MAX / 2 / unit.factor) return std::nullopt;
        return number * unit.factor;
    }
    return std::nullopt;
}

std::string with_unit(std::uint64_t value, std::span<const Unit> units) {
    const auto unit = std::ranges::find_if(units, [&](const Unit& u) { return value % u.factor == 0 && (value != 0 || u.factor == 1); });
    return std::to_string(value / unit->factor).append(unit->name);
}

std::string in_quotes(std::string_view text) {
    std::string out{"\""};
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out += '"';
}

std::unexpected<Misfit> misfit(std::string what, std::string_view hint = {}) {
    return std::unexpected(Misfit{std::move(what), std::string{hint}});
}

std::string amount_text(const ConfigKey& key, std::uint64_t value) {
    if (holds<Millis>(key)) return with_unit(value, kTimeUnits);
    if (holds<std::size_t>(key)) return with_unit(value, kSizeUnits);
    return std::to_string(value);
}

Fitted set_amount(const ConfigKey& key, Config& config, std::uint64_t value) {
    if (value < key.min || value > key.max) return misfit("out of range", "must be " + range_text(key));
    if (holds<Millis>(key)) {
        member<Millis>(key, config) = Millis{static_cast<Millis::rep>(value)};
    } else if (holds<std::size_t>(key)) {
        member<std::size_t>(key, config) = value;
    } else if (holds<std::uint32_t>(key)) {
        member<std::uint32_t>(key, config) = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
    } else {
        member<std::uint16_t>(key, config) = static_cast<std::uint16_t>(std::min<std::uint64_t>(value, UINT16_MAX));
    }
    return {};
}

bool is_number(const ConfigKey& key) { return holds<std::uint16_t>(key) || holds<std::uint32_t>(key); }

// What a value of this key looks like, for a message.
std::string expectation(const ConfigKey& key) {
    if (holds<bool>(key)) return "must be true or false";
    if (is_number(key)) return "must be a whole number, " + range_text(key);
    if (holds<Millis>(key)) return "must be a duration: " + std::string{kTimeHint};
    if (holds<std::size_t>(key)) return "must be a size: " + std::string{kSizeHint};
    if (holds<std::vector<std::string>>(key)) return "must be a list of texts";
    return "must be a text";
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

Fitted set_boolean(const ConfigKey& key, Config& config, bool value) {
    if (!holds<bool>(key)) return misfit("wrong type", expectation(key));
    member<bool>(key, config) = value;
    return {};
}

Fitted set_number(const ConfigKey& key, Config& config, std::int64_t value) {
    if (!is_number(key) && !holds<std::size_t>(key)) return misfit("wrong type", expectation(key));
    if (value < 0) return misfit("out of range", "must be " + range_text(key));
    return set_amount(key, config, static_cast<std::uint64_t>(value));
}

Fitted set_text(const ConfigKey& key, Config& config, std::string_view value) {
    if (holds<Millis>(key) || holds<std::size_t>(key)) {
        const auto amount = holds<Millis>(key) ? parse_with_unit(value, kTimeUnits) : parse_with_unit(value, kSizeUnits);
        return amount ? set_amount(key, config, *amount) : Fitted{misfit("no value of this kind: " + in_quotes(value), expectation(key))};
    }
    if (!holds<std::string>(key)) return misfit("wrong type", expectation(key));
    if (!key.choices.empty() && std::ranges::find(key.choices, value) == key.choices.end()) {
        return misfit("no such choice: " + in_quotes(value), "must be " + range_text(key));
    }
    member<std::string>(key, config) = value;
    return {};
}

Fitted set_list(const ConfigKey& key, Config& config, std::vector<std::string> values) {
    if (!holds<std::vector<std::string>>(key)) return misfit("wrong type", expectation(key));
    member<std::vector<std::string>>(key, config) = std::move(values);
    return {};
}

Fitted set_from_text(const ConfigKey& key, Config& config, std::string_view value) {
    if (holds<bool>(key)) {
        if (value == "true" || value == "1") return set_boolean(key, config, true);
        if (value == "false" || value == "0") return set_boolean(key, config, false);
        return misfit("wrong type: " + in_quotes(value), expectation(key));
    }
    if (holds<std::vector<std::string>>(key)) {
        std::vector<std::string> values;
        for (std::size_t at = 0; at < value.size();) {
            const auto end = std::min(value.find(',', at), value.size());
            if (end > at) values.emplace_back(value.substr(at, end - at));
            at = end + 1;
        }
        return set_list(key, config, std::move(values));
    }
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const auto is_whole = error == std::errc{} && end == value.data() + value.size();
    if (is_whole && (is_number(key) || holds<std::size_t>(key))) return set_number(key, config, number);
    if (is_number(key)) return misfit("wrong type: " + in_quotes(value), expectation(key));
    return set_text(key, config, value);
}

std::optional<Millis> parse_duration(std::string_view text) {
    const auto amount = parse_with_unit(text, kTimeUnits);
    return amount ? std::optional{Millis{static_cast<Millis::rep>(*amount)}} : std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) { return parse_with_unit(text, kSizeUnits); }

std::string value_text(const ConfigKey& key, const Config& config) {
    if (holds<bool>(key)) return member<bool>(key, config) ? "true" : "false";
    if (holds<std::uint16_t>(key)) return std::to_string(member<std::uint16_t>(key, config));
    if (holds<std::uint32_t>(key)) return std::to_string(member<std::uint32_t>(key, config));
    if (holds<std::size_t>(key)) return in_quotes(with_unit(member<std::size_t>(key, config), kSizeUnits));
    if (holds<Millis>(key)) return in_quotes(with_unit(static_cast<std::uint64_t>(member<Millis>(key, config).count()), kTimeUnits));
    if (holds<std::string>(key)) return in_quotes(member<std::string>(key, config));
    std::string out{"["};
    for (const auto& item : member<std::vector<std::string>>(key, config)) out.append(out.size() > 1 ? ", " : "").append(in_quotes(item));
    return out += ']';
}

std::string range_text(const ConfigKey& key) {
    if (!key.choices.empty()) {
        std::string out;
        for (std::size_t i = 0; i < key.choices.size(); ++i) {
            out.append(i == 0 ? "" : i + 1 == key.choices.size() ? " or " : ", ").append(in_quotes(key.choices[i]));
        }
        return out;
    }
    if (holds<bool>(key)) return "true or false";
    if (holds<std::string>(key) || holds<std::vector<std::string>>(key)) return {};
    if (key.max == UINT64_MAX) return "at least " + amount_text(key, key.min);
    return "from " + amount_text(key, key.min) + " to " + amount_text(key, key.max);
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    const auto best = std::ranges::min_element(candidates, {}, [&](const std::string& candidate) { return distance(word, candidate); });
    if (best == candidates.end() || distance(word, *best) > std::max<std::size_t>(2, word.size() / 3)) return {};
    return *best;
}

}  // namespace madang::server
