// Times as clients write them: RFC 3339 §5.6. Immutable, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace madang::wire {

// "2026-01-31T09:05:00Z", with any fraction of a second (what is finer than a millisecond is cut off) and any offset. A leap second counts
// as the second after it. None: no such time.
std::optional<Time> parse_time(std::string_view text);

}  // namespace madang::wire
