// The server's side of RFC 6455 framing: bytes in, messages out, and back. No sockets, no extensions, no state but the message in progress.
//
// WsDecoder. Owner: one WebSocket session. Thread: the session's only. Between messages it holds no memory.
// Limits: `message_bytes_max` for a whole message, fragments together; a larger one is refused with 1009 as soon as a header says so. What
// is buffered never exceeds what has arrived. Errors: a Violation says with which code to close (1002 protocol, 1007 not UTF-8, 1009 too
// big, 4004 binary). Nothing is decoded after it, nor after a close frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace madang::net {

enum class WsOpcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// What a close frame without a code counts as (RFC 6455 §7.1.5); never sent.
inline constexpr std::uint16_t kNoCloseCode = 1005;

struct WsViolation {
    std::uint16_t code;
    std::string_view reason;  // static
};

// Gets what arrives, in order, pings within fragmented messages included. The views live during the call only.
// False = take nothing more from these bytes.
class WsReceiver {
  public:
    virtual ~WsReceiver() = default;
    virtual bool on_text(std::string_view text) = 0;  // well-formed UTF-8
    virtual bool on_ping(std::string_view payload) = 0;
    virtual bool on_pong() = 0;
    virtual void on_close_frame(std::uint16_t code) = 0;
};

class WsDecoder {
  public:
    explicit WsDecoder(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

    // Takes all of `bytes`, which are unmasked in place.
    std::optional<WsViolation> feed(std::span<char> bytes, WsReceiver& receiver);

  private:
    struct Header;

    std::optional<WsViolation> check(const Header& header) const;
    std::optional<WsViolation> take(const Header& header, std::span<char> payload, WsReceiver& receiver);
    std::optional<WsViolation> take_data(const Header& header, std::string_view payload, WsReceiver& receiver);
    std::optional<WsViolation> take_close(std::string_view payload, WsReceiver& receiver);
    std::span<char> fill_partial(std::span<char> bytes, std::size_t size);

    std::size_t message_bytes_max_;
    std::string partial_;  // a frame that has not arrived whole, header included, still masked
    std::string message_;  // the fragments so far, unmasked
    bool in_message_ = false;
    bool is_finished_ = false;
};

// Server frames are not masked.
void append_ws_header(std::string& out, WsOpcode opcode, std::size_t payload_size);
void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload);
// `reason` is cut to 123 bytes.
void append_ws_close(std::string& out, std::uint16_t code, std::string_view reason);

}  // namespace madang::net
