// Reads the write-ahead logs before the database does, and tells a log that a power failure cut off from one that is damaged. RocksDB alone
// can't: it refuses both, or takes both, and it passes over a block of zeros in the middle. Internal to the room.
//
// A cut-off log ends in the one append that was under way, so nothing whole follows it; and something of that append is missing: a sector
// (they are written whole or not at all) or, where only the process died, its end. What is missing lies past the end of the file or still
// shows the zeros of a log that has its size in advance. Everything else is damage, and dropping it could drop what was acknowledged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace madang {

enum class LogEnd : std::uint8_t {
    clean,  // every record is whole
    torn,   // whole but for the last append, which was never acknowledged: recover up to there
};

// Of all logs in the folder; clean if there is none. About 1 GB/s; one log at a time is in memory. Errors: internal, with file and byte, if
// a log is damaged or not readable.
Result<LogEnd> check_logs(const std::filesystem::path& folder);

// CRC-32C (RFC 3720), as the logs bear it.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace madang
