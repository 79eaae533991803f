// Any bytes as a client's frames: fed whole and fed in pieces they must mean the same, and no message may be larger than the limit.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "net/ws_codec.hpp"

using namespace madang;

namespace {

constexpr std::size_t kMessageBytesMax = 1'000;

struct Recorder final : net::WsReceiver {
    std::vector<std::string> seen;

    bool on_text(std::string_view text) override {
        MADANG_ASSERT(is_utf8(text) && text.size() <= kMessageBytesMax);
        seen.push_back("text" + std::string(text));
        return true;
    }
    bool on_ping(std::string_view payload) override {
        MADANG_ASSERT(payload.size() <= 125);
        seen.push_back("ping" + std::string(payload));
        return true;
    }
    bool on_pong() override {
        seen.emplace_back("pong");
        return true;
    }
    void on_close_frame(std::uint16_t code) override { seen.push_back("close" + std::to_string(code)); }
};

std::vector<std::string> decode(std::string bytes, std::size_t piece) {
    net::WsDecoder decoder{kMessageBytesMax};
    Recorder recorder;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const auto violation = decoder.feed(std::span{bytes}.subspan(at, std::min(piece, bytes.size() - at)), recorder);
        if (violation) recorder.seen.push_back("violation" + std::to_string(violation->code));
    }
    return recorder.seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    const auto whole = decode(bytes, bytes.size() + 1);
    MADANG_ASSERT(decode(bytes, data[0] % 32 + std::size_t{1}) == whole);
    MADANG_ASSERT(decode(bytes, 1) == whole);
    return 0;
}
