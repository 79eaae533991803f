// One HTTP/1.x request out of bytes that come in pieces. The only place that knows Beast.
//
// Owner: an HttpConnection, for the time of one request. Thread: its loop's only.
// Limits: kHeaderBytesMax for request line and header, and for the framing of each chunk and the trailer; `body_bytes_max`, chunked or not.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "net/http_message.hpp"

namespace madang::net {

inline constexpr std::size_t kHeaderBytesMax = 16 << 10;

class HttpParser {
  public:
    enum class State { needs_more, in_body, done, malformed, header_too_large, body_too_large };
    struct Progress {
        std::size_t taken = 0;  // of the bytes; the rest must be fed again, with more behind it
        State state = State::needs_more;
    };

    explicit HttpParser(std::size_t body_bytes_max);
    ~HttpParser();

    Progress feed(std::string_view bytes);
    // The client waits for "100 Continue" before it sends the body. Once the header is whole.
    bool expects_continue() const;
    // Once done.
    HttpRequest take_request();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace madang::net
