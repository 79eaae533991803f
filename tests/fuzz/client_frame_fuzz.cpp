// Any bytes as a client's frame: parsed or refused, never a crash; and a ref that is repeated must itself be fit to stand in a frame.
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "base/text.hpp"
#include "wire/answers.hpp"
#include "wire/client_frame.hpp"
#include "wire/json_object.hpp"

using namespace madang;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto frame = wire::parse_client_frame(text);
    if (!frame) return 0;
    MADANG_ASSERT(frame->ref.size() <= wire::kRefBytesMax);
    if (const auto* send = std::get_if<wire::SendOp>(&frame->op)) {
        MADANG_ASSERT(is_utf8(send->text));
        MADANG_ASSERT(bool{send->conversation} != bool{send->peer});
        MADANG_ASSERT(!send->client_id.empty() && code_points(send->client_id) <= 64);
    }
    std::string reply;
    wire::append_error_reply(reply, frame->ref, {Code::bad_request, "detail"});
    MADANG_ASSERT(wire::read_object(reply, {}));
    return 0;
}
