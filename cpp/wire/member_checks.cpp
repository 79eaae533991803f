#include "wire/member_checks.hpp"

#include "base/text.hpp"

namespace madang::wire {
namespace {

constexpr std::size_t kClientIdChars = 64;

}  // namespace

std::unexpected<Error> wrong_member(const JsonMember& member, std::string_view what) {
    std::string detail = "member `" + std::string(member.name) + "` ";
    if (is_given(member)) {
        detail.append("must be ").append(what);
    } else {
        detail += "is missing";
    }
    return fail(Code::bad_request, std::move(detail));
}

Result<std::string> string_member(JsonMember& member) {
    if (!member.is(JsonMember::Kind::string)) return wrong_member(member, "a string");
    return std::move(member.text);
}

Result<std::uint64_t> whole_number(const JsonMember& member) {
    if (!member.is(JsonMember::Kind::whole)) return wrong_member(member, "a whole number");
    return member.number;
}

Result<std::string> client_id_member(JsonMember& member) {
    if (!member.is(JsonMember::Kind::string) || member.text.empty() || code_points(member.text) > kClientIdChars)
        return wrong_member(member, "a string of 1 to 64 characters");
    return std::move(member.text);
}

}  // namespace madang::wire
