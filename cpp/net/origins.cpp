#include "net/origins.hpp"

#include <algorithm>

#include "net/ascii.hpp"

namespace madang::net {

bool Origins::allows(std::string_view origin, std::string_view host) const {
    const auto scheme_end = origin.find("://");
    if (scheme_end != std::string_view::npos && !host.empty() && equal_ignoring_case(origin.substr(scheme_end + 3), host)) return true;
    return std::ranges::any_of(allowed_, [&](const auto& allowed) { return allowed == "*" || equal_ignoring_case(allowed, origin); });
}

}  // namespace madang::net
