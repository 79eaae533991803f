// Any bytes as the body of any request; what is kept as JSON (settings) must be JSON again, and stay what it is when read once more.
#include <cstdint>
#include <string>

#include "base/text.hpp"
#include "wire/bodies.hpp"
#include "wire/json_object.hpp"

using namespace madang;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Limits limits;
    const std::string_view body{reinterpret_cast<const char*>(data), size};
    (void)wire::parse_sign_up(body, limits);
    (void)wire::parse_log_in(body);
    (void)wire::parse_conversation(body, limits);
    (void)wire::parse_conversation_patch(body, limits);
    (void)wire::parse_member(body);
    (void)wire::parse_message(body);
    const auto patch = wire::parse_account_patch(body, limits);
    if (!patch || !patch->settings) return 0;
    MADANG_ASSERT(is_utf8(*patch->settings));
    const auto again = wire::parse_account_patch("{\"settings\":" + *patch->settings + "}", limits);
    MADANG_ASSERT(again && again->settings == patch->settings);
    return 0;
}
