// A batch of the committed feed on its way to a plugin, and what the plugin says of it. Values: they travel between threads.
#pragma once

#include <cstdint>
#include <string>

namespace madang {

// Asks in place of a loop: answers to batches of the feed are for the feeder.
inline constexpr std::uint32_t kFeederLoop = 0xFFFF'FFFF;

struct CommittedCall {
    std::uint64_t number = 0;  // the feed's own
    std::string entries;       // a JSON array, as wire/feed.hpp makes it

    std::size_t bytes() const { return sizeof *this + entries.size(); }
};

struct CommittedAnswer {
    std::uint32_t plugin = 0;
    std::string problem;  // empty: taken
};

}  // namespace madang
