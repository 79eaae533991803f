// JSON by appending: each function adds one value to a buffer that the caller owns and reuses. No tree, no copy, no allocation of its own.
// Immutable, any thread. Input text must be well-formed UTF-8 (the parsers let nothing else in); it is escaped, not checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang::wire {

// A string with its quotes. Escaped are `"`, `\` and U+0000–U+001F; all else goes out as it is.
void append_string(std::string& out, std::string_view text);
void append_number(std::string& out, std::uint64_t value);
void append_bool(std::string& out, bool value);
// RFC 3339, UTC, milliseconds, with quotes: "2026-01-31T09:05:00.007Z". Years 0000–9999; others are cut to that range.
void append_time(std::string& out, Time time);

// Ids are strings, because JavaScript loses digits past 2^53; seq and cursor are numbers.
template <typename Tag>
void append_id(std::string& out, StrongId<Tag> id) {
    out += '"';
    append_number(out, id.value);
    out += '"';
}

}  // namespace madang::wire
