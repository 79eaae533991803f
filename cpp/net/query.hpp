// The target of a request: its path in segments, and its query, both percent-decoded. Values.
// Errors: bad_request that names the parameter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace madang::net {

class Query {
  public:
    explicit Query(std::vector<std::pair<std::string, std::string>> parameters = {}) : parameters_(std::move(parameters)) {}

    // Of a name that comes twice the last one counts, as in JSON.
    std::optional<std::string_view> find(std::string_view name) const;
    // A whole number; none when the parameter is not there.
    Result<std::optional<std::uint64_t>> number(std::string_view name) const;
    // 1 or more, `limit_max` when not there and cut to it when larger.
    Result<std::uint32_t> limit(std::uint32_t limit_max) const;
    // "25s", "500ms" or "1m"; zero when not there, cut to a day.
    Result<Millis> duration(std::string_view name) const;

  private:
    std::vector<std::pair<std::string, std::string>> parameters_;
};

struct Target {
    std::vector<std::string> segments;  // of "/v1/users" two; of "/" one that is empty
    Query query;
};
// None: not an absolute path, a broken percent sequence, or not UTF-8.
std::optional<Target> parse_target(std::string_view target);

}  // namespace madang::net
