// Account life: the body of a password change. Immutable, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace madang::wire {

// PUT /v1/users/me/password. Errors: bad_request (also of a new one with fewer than kPasswordCharsMin characters).
struct PasswordBody {
    std::string old_password;
    std::string new_password;
};
Result<PasswordBody> parse_password_change(std::string_view body);

}  // namespace madang::wire
