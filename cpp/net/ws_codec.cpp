#include "net/ws_codec.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/text.hpp"

namespace madang::net {
namespace {

constexpr std::size_t kControlBytesMax = 125;
constexpr std::uint8_t kFin = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kMasked = 0x80;

constexpr WsViolation protocol_error(std::string_view reason) { return {1002, reason}; }

void unmask(std::span<char> payload, const std::array<char, 4>& key) {
    std::uint64_t word_key;
    std::memcpy(&word_key, key.data(), 4);
    std::memcpy(reinterpret_cast<char*>(&word_key) + 4, key.data(), 4);
    std::size_t at = 0;
    for (; at + 8 <= payload.size(); at += 8) {
        std::uint64_t word;
        std::memcpy(&word, payload.data() + at, 8);
        word ^= word_key;
        std::memcpy(payload.data() + at, &word, 8);
    }
    for (; at < payload.size(); ++at) payload[at] = static_cast<char>(payload[at] ^ key[at & 3]);
}

// Codes that may stand in a frame: the registered ones, the libraries' and the private ones (RFC 6455 §7.4).
bool may_be_sent(std::uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace

struct WsDecoder::Header {
    bool is_final = false;
    bool has_reserved_bits = false;
    bool is_masked = false;
    std::uint8_t raw_opcode = 0;
    std::uint64_t payload_size = 0;
    std::size_t size = 0;  // of the header itself
    std::array<char, 4> key{};

    WsOpcode opcode() const { return static_cast<WsOpcode>(raw_opcode); }

    // The bytes that the header needs to be whole, as far as they tell.
    static std::size_t size_from(std::span<const char> bytes) {
        if (bytes.size() < 2) return 2;
        const auto second = static_cast<std::uint8_t>(bytes[1]);
        const std::size_t length_bytes = (second & 0x7F) == 126 ? 2 : (second & 0x7F) == 127 ? 8 : 0;
        return 2 + length_bytes + ((second & kMasked) != 0 ? 4 : 0);
    }

    // `bytes` hold it whole.
    static Header parse(std::span<const char> bytes) {
        Header header;
        const auto first = static_cast<std::uint8_t>(bytes[0]);
        const auto second = static_cast<std::uint8_t>(bytes[1]);
        header.is_final = (first & kFin) != 0;
        header.has_reserved_bits = (first & kReserved) != 0;
        header.raw_opcode = first & 0x0F;
        header.is_masked = (second & kMasked) != 0;
        header.size = size_from(bytes);
        header.payload_size = second & 0x7F;
        if (header.payload_size >= 126) {
            const std::size_t length_bytes = header.payload_size == 126 ? 2 : 8;
            header.payload_size = 0;
            for (const char byte : bytes.subspan(2, length_bytes))
                header.payload_size = header.payload_size << 8 | static_cast<std::uint8_t>(byte);
        }
        if (header.is_masked) std::memcpy(header.key.data(), bytes.data() + header.size - 4, 4);
        return header;
    }
};

std::optional<WsViolation> WsDecoder::check(const Header& header) const {
    if (header.has_reserved_bits) return protocol_error("reserved bits");
    if (!header.is_masked) return protocol_error("unmasked frame");
    switch (header.opcode()) {
        case WsOpcode::close:
        case WsOpcode::ping:
        case WsOpcode::pong:
            if (!header.is_final) return protocol_error("fragmented control frame");
            if (header.payload_size > kControlBytesMax) return protocol_error("long control frame");
            return std::nullopt;
        case WsOpcode::text:
        case WsOpcode::binary:
            if (in_message_) return protocol_error("expected a continuation");
            break;
        case WsOpcode::continuation:
            if (!in_message_) return protocol_error("nothing to continue");
            break;
        default: return protocol_error("unknown opcode");
    }
    if (header.payload_size >> 63 != 0) return protocol_error("length out of range");
    if (header.opcode() == WsOpcode::binary) return WsViolation{4004, "binary frame"};
    if (header.payload_size > message_bytes_max_ - message_.size()) return WsViolation{1009, "message too big"};
    return std::nullopt;
}

// Appends to `partial_` until it holds `size` bytes; returns the rest.
std::span<char> WsDecoder::fill_partial(std::span<char> bytes, std::size_t size) {
    const auto wanted = std::min(bytes.size(), size - std::min(size, partial_.size()));
    partial_.append(bytes.data(), wanted);
    return bytes.subspan(wanted);
}

std::optional<WsViolation> WsDecoder::feed(std::span<char> bytes, WsReceiver& receiver) {
    while (!bytes.empty() && !is_finished_) {
        // A frame that lies in `bytes` whole is taken where it lies; the beginning of one is kept until the rest has come.
        const bool is_direct = partial_.empty();
        if (!is_direct) {
            while (!bytes.empty() && partial_.size() < Header::size_from(partial_))
                bytes = fill_partial(bytes, Header::size_from(partial_));
        }
        const std::span<char> start = is_direct ? bytes : std::span<char>{partial_};
        if (start.size() < Header::size_from(start)) {
            if (is_direct) partial_.assign(bytes.data(), bytes.size());
            return std::nullopt;
        }
        const auto header = Header::parse(start);
        if (const auto violation = check(header)) {
            is_finished_ = true;
            return violation;
        }
        const auto whole = header.size + static_cast<std::size_t>(header.payload_size);
        std::optional<WsViolation> violation;
        if (is_direct) {
            if (bytes.size() < whole) {
                partial_.assign(bytes.data(), bytes.size());
                return std::nullopt;
            }
            violation = take(header, bytes.subspan(header.size, whole - header.size), receiver);
            bytes = bytes.subspan(whole);
        } else {
            bytes = fill_partial(bytes, whole);
            if (partial_.size() < whole) return std::nullopt;
            auto frame = std::exchange(partial_, {});
            violation = take(header, std::span<char>{frame}.subspan(header.size), receiver);
        }
        if (violation) {
            is_finished_ = true;
            return violation;
        }
    }
    return std::nullopt;
}

std::optional<WsViolation> WsDecoder::take(const Header& header, std::span<char> payload, WsReceiver& receiver) {
    unmask(payload, header.key);
    const std::string_view view{payload.data(), payload.size()};
    switch (header.opcode()) {
        case WsOpcode::close: return take_close(view, receiver);
        case WsOpcode::ping: is_finished_ = !receiver.on_ping(view); return std::nullopt;
        case WsOpcode::pong: is_finished_ = !receiver.on_pong(); return std::nullopt;
        default: return take_data(header, view, receiver);
    }
}

std::optional<WsViolation> WsDecoder::take_data(const Header& header, std::string_view payload, WsReceiver& receiver) {
    if (!header.is_final) {
        in_message_ = true;
        message_.append(payload);
        return std::nullopt;
    }
    std::string fragments;
    if (in_message_) {
        fragments = std::exchange(message_, {});
        fragments.append(payload);
        payload = fragments;
        in_message_ = false;
    }
    if (!is_utf8(payload)) return WsViolation{1007, "text is not UTF-8"};
    is_finished_ = !receiver.on_text(payload);
    return std::nullopt;
}

std::optional<WsViolation> WsDecoder::take_close(std::string_view payload, WsReceiver& receiver) {
    std::uint16_t code = kNoCloseCode;
    if (!payload.empty()) {
        if (payload.size() == 1) return protocol_error("close code cut short");
        code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]));
        if (!may_be_sent(code)) return protocol_error("close code not allowed");
        if (!is_utf8(payload.substr(2))) return WsViolation{1007, "close reason is not UTF-8"};
    }
    is_finished_ = true;
    receiver.on_close_frame(code);
    return std::nullopt;
}

void append_ws_header(std::string& out, WsOpcode opcode, std::size_t payload_size) {
    out += static_cast<char>(kFin | static_cast<std::uint8_t>(opcode));
    if (payload_size < 126) {
        out += static_cast<char>(payload_size);
        return;
    }
    const int length_bytes = payload_size <= 0xFFFF ? 2 : 8;
    out += static_cast<char>(length_bytes == 2 ? 126 : 127);
    for (int shift = (length_bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(payload_size >> shift & 0xFF);
}

void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload) {
    append_ws_header(out, opcode, payload.size());
    out += payload;
}

void append_ws_close(std::string& out, std::uint16_t code, std::string_view reason) {
    reason = reason.substr(0, kControlBytesMax - 2);
    append_ws_header(out, WsOpcode::close, 2 + reason.size());
    out += static_cast<char>(code >> 8);
    out += static_cast<char>(code & 0xFF);
    out += reason;
}

}  // namespace madang::net
