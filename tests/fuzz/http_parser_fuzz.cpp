// Any bytes as HTTP, in pieces whose sizes the first byte decides; then its target and its fields are looked at as the server does.
#include <cstdint>
#include <string>

#include "net/http_parser.hpp"
#include "net/query.hpp"
#include "net/websocket_handshake.hpp"

using namespace madang;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = data[0] + std::size_t{1};
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    net::HttpParser parser{4'096};
    std::string received;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        received += bytes.substr(at, piece);
        const auto progress = parser.feed(received);
        MADANG_ASSERT(progress.taken <= received.size());
        received.erase(0, progress.taken);
        using State = net::HttpParser::State;
        if (progress.state == State::in_body) (void)parser.expects_continue();
        if (progress.state == State::needs_more || progress.state == State::in_body) continue;
        if (progress.state != State::done) return 0;
        const auto request = parser.take_request();
        MADANG_ASSERT(request.body.size() <= 4'096);
        (void)net::parse_target(request.target);
        (void)net::bearer_of(request, true);
        (void)net::accept_handshake(request);
        return 0;
    }
    return 0;
}
