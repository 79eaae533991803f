#include "net/query.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace madang::net {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '+' && plus_is_space) {
            out += ' ';
        } else if (text[at] != '%') {
            out += text[at];
        } else {
            if (at + 2 >= text.size()) return std::nullopt;
            const int high = hex_value(text[at + 1]);
            const int low = hex_value(text[at + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high << 4 | low);
            at += 2;
        }
    }
    if (!is_utf8(out)) return std::nullopt;
    return out;
}

// Calls `visit` with each part between the separators, empty ones too; stops when it answers false, and then answers false.
template <typename Visit>
bool each_part(std::string_view text, char separator, Visit visit) {
    for (;;) {
        const auto end = text.find(separator);
        if (!visit(text.substr(0, end))) return false;
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::unexpected<Error> wrong_parameter(std::string_view name, std::string_view what) {
    return fail(Code::bad_request, "parameter `" + std::string(name) + "` must be " + std::string(what));
}

}  // namespace

std::optional<std::string_view> Query::find(std::string_view name) const {
    for (auto it = parameters_.rbegin(); it != parameters_.rend(); ++it)
        if (it->first == name) return it->second;
    return std::nullopt;
}

Result<std::optional<std::uint64_t>> Query::number(std::string_view name) const {
    const auto text = find(name);
    if (!text) return std::nullopt;
    const auto value = whole_number(*text);
    if (!value) return wrong_parameter(name, "a whole number");
    return value;
}

Result<std::uint32_t> Query::limit(std::uint32_t limit_max) const {
    const auto value = number("limit");
    if (!value) return std::unexpected(value.error());
    if (!*value) return limit_max;
    if (**value == 0) return wrong_parameter("limit", "at least 1");
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(**value, limit_max));
}

Result<Millis> Query::duration(std::string_view name) const {
    const auto text = find(name);
    if (!text) return Millis{0};
    const auto unit_at = std::min(text->find_first_not_of("0123456789"), text->size());
    const auto count = whole_number(text->substr(0, unit_at));
    const auto unit = text->substr(unit_at);
    const std::uint64_t unit_ms = unit == "ms" ? 1 : unit == "s" ? 1'000 : unit == "m" ? 60'000 : 0;
    if (!count || unit_ms == 0) return wrong_parameter(name, "a duration like `25s`");
    constexpr std::uint64_t kDayMs = 86'400'000;
    return Millis{static_cast<std::int64_t>(std::min(*count, kDayMs) * unit_ms > kDayMs ? kDayMs : *count * unit_ms)};
}

std::optional<Target> parse_target(std::string_view target) {
    if (target.empty() || target.front() != '/') return std::nullopt;
    const auto question = target.find('?');
    Target out;
    const bool is_good_path =
        each_part(target.substr(1, question == std::string_view::npos ? question : question - 1), '/', [&](std::string_view segment) {
            auto decoded = percent_decoded(segment, false);
            if (!decoded) return false;
            out.segments.push_back(*std::move(decoded));
            return true;
        });
    if (!is_good_path) return std::nullopt;
    if (question == std::string_view::npos) return out;
    std::vector<std::pair<std::string, std::string>> parameters;
    const bool is_good_query = each_part(target.substr(question + 1), '&', [&](std::string_view part) {
        if (part.empty()) return true;
        const auto equals = std::min(part.find('='), part.size());
        auto name = percent_decoded(part.substr(0, equals), true);
        auto value = percent_decoded(part.substr(std::min(equals + 1, part.size())), true);
        if (!name || !value) return false;
        parameters.emplace_back(*std::move(name), *std::move(value));
        return true;
    });
    if (!is_good_query) return std::nullopt;
    out.query = Query{std::move(parameters)};
    return out;
}

}  // namespace madang::net
