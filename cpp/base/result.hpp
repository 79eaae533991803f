// One error type for the whole server: the same word is the C++ enumerator, the wire `code` and the name of the Python exception.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace madang {

enum class Code : std::uint8_t {
    bad_request,
    unauthenticated,
    forbidden,
    muted,
    not_a_member,
    blocked,
    denied_by_policy,
    not_found,
    username_taken,
    group_full,
    client_id_reused,
    resync_required,
    text_too_long,
    too_large,
    rate_limited,
    unavailable,
    plugin_unavailable,
    storage_full,
    internal,
};
inline constexpr int kCodes = 19;

// The wire spelling ("not_a_member"). Total.
std::string_view name_of(Code code) noexcept;
// The HTTP status that goes with the code (RFC 9110, 4918 for 507). Total.
int http_status_of(Code code) noexcept;

// An operating error: something a caller or the world did. `detail` is for a person and never holds a secret.
struct Error {
    Code code = Code::internal;
    std::string detail;
    std::chrono::milliseconds retry_after{0};  // 0 = no hint

    bool operator==(const Error&) const = default;
};

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string detail, std::chrono::milliseconds retry_after = std::chrono::milliseconds{0}) {
    return std::unexpected(Error{code, std::move(detail), retry_after});
}

// A programmer's error: on in release builds, ends the process with file and line.
[[noreturn]] void assertion_failed(const char* what, const char* file, int line) noexcept;

}  // namespace madang

#define MADANG_ASSERT(condition) ((condition) ? void() : ::madang::assertion_failed(#condition, __FILE__, __LINE__))
