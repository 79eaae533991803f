// Typed reading of a member, with an error that names it. Private to this room.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "wire/json_object.hpp"

namespace madang::wire {

// bad_request: "member `name` is missing", or "member `name` must be <what>". Null counts as missing.
std::unexpected<Error> wrong_member(const JsonMember& member, std::string_view what);

Result<std::string> string_member(JsonMember& member);
Result<std::uint64_t> whole_number(const JsonMember& member);
// A string of 1–64 characters.
Result<std::string> client_id_member(JsonMember& member);

template <typename Id>
Result<Id> id_member(const JsonMember& member) {
    if (member.is(JsonMember::Kind::string))
        if (const auto id = parse_id<Id>(member.text)) return *id;
    return wrong_member(member, "an id: a string of decimal digits");
}

inline bool is_given(const JsonMember& member) { return !member.is(JsonMember::Kind::absent) && !member.is(JsonMember::Kind::null); }

}  // namespace madang::wire
