#include "base/result.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace madang {
namespace {

struct CodeFacts {
    std::string_view name;
    int status;
};

constexpr std::array<CodeFacts, kCodes> kFacts{{
    {"bad_request", 400},      {"unauthenticated", 401},    {"forbidden", 403},     {"muted", 403},          {"not_a_member", 403},
    {"blocked", 403},          {"denied_by_policy", 403},   {"not_found", 404},     {"username_taken", 409}, {"group_full", 409},
    {"client_id_reused", 409}, {"resync_required", 409},    {"text_too_long", 413}, {"too_large", 413},      {"rate_limited", 429},
    {"unavailable", 503},      {"plugin_unavailable", 503}, {"storage_full", 507},  {"internal", 500},
}};

}  // namespace

std::string_view name_of(Code code) noexcept { return kFacts[static_cast<std::size_t>(code)].name; }

int http_status_of(Code code) noexcept { return kFacts[static_cast<std::size_t>(code)].status; }

void assertion_failed(const char* what, const char* file, int line) noexcept {
    std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
    std::abort();
}

}  // namespace madang
