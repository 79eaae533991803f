// Reads one JSON object (RFC 8259) into the few members that the caller names, in one pass and without a tree: what nobody asked for is
// checked and skipped, strings are moved out of the lexer. Private to this room.
//
// Thread: any. Limits: nesting of kDepthMax. Defined behaviour where the RFC leaves a choice: of a name that comes twice the last one wins;
// numbers beyond a double and lone surrogates are invalid JSON; `\u0000` is a character like any other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace madang::wire {

inline constexpr int kDepthMax = 32;  // the object itself is 1; deeper input is refused

struct JsonMember {
    enum class Kind : std::uint8_t {
        absent,
        null,
        boolean,
        whole,   // 0 … 2^64 − 1 without fraction or exponent: `number`
        number,  // any other
        string,
        array,
        object,
    };

    std::string_view name;  // set by the caller; at most once among the members asked for
    Kind kind = Kind::absent;
    std::uint64_t number = 0;  // of a whole number; of a boolean 0 or 1
    std::string text{};        // a string's characters; of all other kinds the value as compact JSON

    bool is(Kind of) const { return kind == of; }
};

// Null is as good as absent for the callers, but `kind` tells them apart. False: not exactly one JSON object within the depth limit, or not
// well-formed UTF-8; the members are unspecified then.
bool read_object(std::string_view bytes, std::span<JsonMember> members);

// The strings of an array in compact JSON, as a member holds it; false if some item is no string or there are more than `items_max`.
bool read_strings(std::string_view array, std::size_t items_max, std::vector<std::string>& out);

}  // namespace madang::wire
