#include "wire/account_life.hpp"

#include <array>

#include "base/text.hpp"
#include "wire/bodies.hpp"
#include "wire/json_object.hpp"
#include "wire/member_checks.hpp"

namespace madang::wire {
namespace {

Result<std::string> secret_member(JsonMember& member) {
    auto password = string_member(member);
    if (password && password->size() > kPasswordBytesMax) return wrong_member(member, "a string of at most 1024 bytes");
    return password;
}

}  // namespace

Result<PasswordBody> parse_password_change(std::string_view body) {
    std::array<JsonMember, 2> members{JsonMember{.name = "old_password"}, JsonMember{.name = "new_password"}};
    if (!read_object(body, members)) return fail(Code::bad_request, "the body must be one JSON object, nested at most 32 deep");
    auto old_password = secret_member(members[0]);
    if (!old_password) return std::unexpected(old_password.error());
    auto new_password = secret_member(members[1]);
    if (!new_password) return std::unexpected(new_password.error());
    if (code_points(*new_password) < kPasswordCharsMin)
        return fail(Code::bad_request, "member `new_password` must have at least 8 characters");
    return PasswordBody{*std::move(old_password), *std::move(new_password)};
}

}  // namespace madang::wire
