#include "net/http_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/ascii.hpp"

namespace madang::net {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kLastChunkBytes = 5;  // "0\r\n\r\n"

std::string text_of(boost::beast::string_view view) { return {view.data(), view.size()}; }

HttpParser::State state_of(const boost::system::error_code& error) {
    if (error == http::error::need_more) return HttpParser::State::needs_more;
    if (error == http::error::header_limit) return HttpParser::State::header_too_large;
    if (error == http::error::body_limit) return HttpParser::State::body_too_large;
    return HttpParser::State::malformed;
}

}  // namespace

struct HttpParser::Impl {
    http::request_parser<http::string_body> parser;
};

HttpParser::HttpParser(std::size_t body_bytes_max) : impl_(std::make_unique<Impl>()) {
    impl_->parser.eager(true);
    impl_->parser.header_limit(kHeaderBytesMax);
    impl_->parser.body_limit(body_bytes_max);
}

HttpParser::~HttpParser() = default;

HttpParser::Progress HttpParser::feed(std::string_view bytes) {
    Progress progress;
    auto& parser = impl_->parser;
    while (progress.taken < bytes.size() && !parser.is_done()) {
        boost::system::error_code error;
        const auto rest = bytes.substr(progress.taken);
        // Beast 1.81 asserts that the end of a chunked body does not come in smaller pieces; it is never shorter, so waiting is right.
        if (parser.is_header_done() && parser.chunked() && rest.size() < kLastChunkBytes) break;
        const auto taken = parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
        progress.taken += taken;
        if (error && error != http::error::need_more) {
            progress.state = state_of(error);
            return progress;
        }
        if (error || taken == 0) break;
    }
    progress.state = parser.is_done() ? State::done : parser.is_header_done() ? State::in_body : State::needs_more;
    // A body whose end is not to be told: whatever follows would pass for the next request (RFC 9112 §6.3).
    if (parser.is_header_done() && !parser.chunked() && parser.get().count(http::field::transfer_encoding) > 0)
        progress.state = State::malformed;
    // What is left in a body is the framing of a chunk, or the trailer, and not yet whole. It counts as header: it has no other limit.
    if (progress.state == State::in_body && bytes.size() - progress.taken > kHeaderBytesMax) progress.state = State::header_too_large;
    return progress;
}

bool HttpParser::expects_continue() const {
    const auto expect = impl_->parser.get()[http::field::expect];
    return equal_ignoring_case({expect.data(), expect.size()}, "100-continue");
}

HttpRequest HttpParser::take_request() {
    auto message = impl_->parser.release();
    HttpRequest request;
    request.method = text_of(message.method_string());
    request.target = text_of(message.target());
    for (const auto& field : message) request.fields.emplace_back(text_of(field.name_string()), text_of(field.value()));
    request.body = std::move(message.body());
    request.keeps_alive = message.keep_alive();
    request.is_http_11 = message.version() >= 11;
    return request;
}

}  // namespace madang::net
