// Unicode as the protocol needs it: validation, counting, and the folding of usernames (utf8proc is used nowhere else).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace madang {

// Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, ≤ U+10FFFF)?
bool is_utf8(std::string_view bytes) noexcept;
// Unicode code points of well-formed UTF-8.
std::size_t code_points(std::string_view text) noexcept;

// The form under which usernames are unique: NFKC case folding. Errors: bad_request unless the name is 1–32 letters or digits of any
// script, `_`, `.` or `-`, and not the reserved word `all`.
Result<std::string> fold_username(std::string_view username);

}  // namespace madang
