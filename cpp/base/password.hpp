// Password hashing: Argon2id (RFC 9106), 19 MiB, t = 2, p = 1, the OWASP minimum; about 14 ms of CPU. Never on an I/O thread.
#pragma once

#include <string>
#include <string_view>

namespace madang {

// PHC string form. Any thread.
std::string hash_password(std::string_view password);
// False on a wrong password and on a hash that is not one; an empty `hash` takes the same time, so that unknown users can't be told apart.
bool verify_password(std::string_view password, std::string_view hash);

}  // namespace madang
