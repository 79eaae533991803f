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

// The longest run of characters of a username at the beginning of `text`, however long.
std::string_view leading_name(std::string_view text) noexcept;
// Is the last character of well-formed UTF-8 part of a word: a letter, a digit, a mark on one, or `_`?
bool ends_in_word(std::string_view text) noexcept;
// The folding of fold_username, for what leading_name found; empty if it folds to something that is no name.
std::string fold_name(std::string_view name);

}  // namespace madang
