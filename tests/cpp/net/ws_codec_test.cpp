// The groups follow the Autobahn test suite: framing, pings, reserved bits, opcodes, fragmentation, UTF-8, close, limits.
#include "net/ws_codec.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace madang::net {
namespace {

constexpr std::size_t kMessageBytesMax = 2 << 20;
constexpr std::uint8_t kFin = 0x80;

// A client's frame; `first` = FIN, reserved bits and opcode.
std::string masked(std::uint8_t first, std::string_view payload, std::string_view key = "\x37\xfa\x21\x3d") {
    std::string out{static_cast<char>(first)};
    const auto size = payload.size();
    if (size < 126) {
        out += static_cast<char>(0x80 | size);
    } else if (size <= 0xFFFF) {
        out += static_cast<char>(0x80 | 126);
        for (int shift = 8; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
    } else {
        out += static_cast<char>(0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
    }
    out += key;
    for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
    return out;
}

std::string text(std::string_view payload) { return masked(kFin | 1, payload); }
std::string first_part(std::string_view payload) { return masked(1, payload); }
std::string middle_part(std::string_view payload) { return masked(0, payload); }
std::string last_part(std::string_view payload) { return masked(kFin, payload); }
std::string ping(std::string_view payload) { return masked(kFin | 9, payload); }
std::string pong(std::string_view payload) { return masked(kFin | 10, payload); }
std::string close_frame(std::string_view payload) { return masked(kFin | 8, payload); }

struct Recorder final : WsReceiver {
    std::vector<std::string> seen;
    std::size_t stop_after = 1'000'000;

    bool add(std::string what) {
        seen.push_back(std::move(what));
        return seen.size() < stop_after;
    }
    bool on_text(std::string_view view) override { return add("text:" + std::string(view)); }
    bool on_ping(std::string_view view) override { return add("ping:" + std::string(view)); }
    bool on_pong() override { return add("pong"); }
    void on_close_frame(std::uint16_t code) override { add("close:" + std::to_string(code)); }
};

struct Outcome {
    std::vector<std::string> seen;
    std::uint16_t violation = 0;  // 0 = none

    bool operator==(const Outcome&) const = default;
};

// Feeds the bytes in pieces of the given sizes, over and over.
Outcome decode_in(const std::string& bytes, const std::vector<std::size_t>& pieces, std::size_t message_bytes_max = kMessageBytesMax) {
    WsDecoder decoder{message_bytes_max};
    Recorder recorder;
    Outcome outcome;
    std::size_t at = 0;
    for (std::size_t i = 0; at < bytes.size(); ++i) {
        auto piece = bytes.substr(at, pieces[i % pieces.size()]);
        at += piece.size();
        if (const auto violation = decoder.feed(piece, recorder)) {
            EXPECT_EQ(outcome.violation, 0) << "a second violation";
            outcome.violation = violation->code;
        }
    }
    outcome.seen = std::move(recorder.seen);
    return outcome;
}

// Decodes the bytes at once, byte by byte and in odd pieces; all must agree.
Outcome decode(const std::string& bytes, std::size_t message_bytes_max = kMessageBytesMax) {
    auto outcome = decode_in(bytes, {bytes.size() + 1}, message_bytes_max);
    for (const auto& pieces : {std::vector<std::size_t>{1}, {2, 3}, {5, 1, 7}, {13, 64, 3}, {997}})
        EXPECT_EQ(decode_in(bytes, pieces, message_bytes_max), outcome);
    return outcome;
}

void expect_violation(const std::string& bytes, std::uint16_t code) {
    EXPECT_EQ(decode(bytes).violation, code);
    EXPECT_EQ(decode(bytes + text("after")).seen, decode(bytes).seen) << "something was taken after the violation";
}

// ---- framing ----------------------------------------------------------------------------------------------------------------------

TEST(ws_framing, text_of_every_length_class_arrives) {
    for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 125u, 126u, 127u, 128u, 65'535u, 65'536u, 70'001u}) {
        const std::string payload(size, '*');
        EXPECT_EQ(decode(text(payload)).seen, std::vector{"text:" + payload}) << size;
    }
}

TEST(ws_framing, several_frames_in_one_piece_arrive_in_order) {
    EXPECT_EQ(decode(text("a") + text("") + text("c")).seen, (std::vector<std::string>{"text:a", "text:", "text:c"}));
}

TEST(ws_framing, every_mask_is_undone) {
    std::mt19937 random{7};
    for (int i = 0; i < 100; ++i) {
        std::string key;
        for (int byte = 0; byte < 4; ++byte) key += static_cast<char>(random());
        const auto payload = "message " + std::string(static_cast<std::size_t>(i), 'x');
        ASSERT_EQ(decode_in(masked(kFin | 1, payload, key), {1'000}).seen, std::vector{"text:" + payload});
    }
}

TEST(ws_framing, an_unmasked_frame_is_a_protocol_error) { expect_violation(std::string("\x81\x02hi", 4), 1002); }

TEST(ws_framing, a_binary_frame_is_a_bad_frame) { expect_violation(masked(kFin | 2, "x"), 4004); }

TEST(ws_framing, a_receiver_that_says_stop_gets_nothing_more) {
    WsDecoder decoder{kMessageBytesMax};
    Recorder recorder;
    recorder.stop_after = 1;
    auto bytes = text("a") + text("b");
    EXPECT_FALSE(decoder.feed(bytes, recorder));
    EXPECT_EQ(recorder.seen, std::vector<std::string>{"text:a"});
}

// ---- pings and pongs --------------------------------------------------------------------------------------------------------------

TEST(ws_pings, a_ping_arrives_with_its_payload) {
    EXPECT_EQ(decode(ping("")).seen, std::vector<std::string>{"ping:"});
    EXPECT_EQ(decode(ping(std::string(125, 'p'))).seen, std::vector{"ping:" + std::string(125, 'p')});
    const std::string binary("\0\xff\xfe", 3);
    EXPECT_EQ(decode(ping(binary)).seen, std::vector{"ping:" + binary});
}

TEST(ws_pings, a_ping_over_125_bytes_is_a_protocol_error) { expect_violation(ping(std::string(126, 'p')), 1002); }

TEST(ws_pings, unasked_pongs_are_taken) {
    EXPECT_EQ(decode(pong("") + pong("x") + ping("y")).seen, (std::vector<std::string>{"pong", "pong", "ping:y"}));
}

// ---- reserved bits and opcodes ----------------------------------------------------------------------------------------------------

TEST(ws_reserved, reserved_bits_are_a_protocol_error) {
    for (int bits = 1; bits < 8; ++bits) {
        for (const int opcode : {0, 1, 8, 9, 10}) {
            const auto first = static_cast<std::uint8_t>(kFin | bits << 4 | opcode);
            EXPECT_EQ(decode(masked(first, "x")).violation, 1002) << bits << ' ' << opcode;
        }
    }
}

TEST(ws_reserved, unknown_opcodes_are_a_protocol_error) {
    for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
        const auto outcome = decode(text("before") + masked(static_cast<std::uint8_t>(kFin | opcode), ""));
        EXPECT_EQ(outcome, (Outcome{{"text:before"}, 1002})) << opcode;
    }
}

// ---- fragmentation ----------------------------------------------------------------------------------------------------------------

TEST(ws_fragments, are_put_together) {
    EXPECT_EQ(decode(first_part("frag") + last_part("ment")).seen, std::vector<std::string>{"text:fragment"});
    EXPECT_EQ(decode(first_part("") + middle_part("") + last_part("")).seen, std::vector<std::string>{"text:"});
    EXPECT_EQ(decode(first_part("a") + middle_part("b") + middle_part("c") + last_part("d") + text("e")).seen,
              (std::vector<std::string>{"text:abcd", "text:e"}));
}

TEST(ws_fragments, control_frames_may_come_in_between) {
    EXPECT_EQ(decode(first_part("a") + ping("1") + middle_part("b") + pong("") + ping("2") + last_part("c")).seen,
              (std::vector<std::string>{"ping:1", "pong", "ping:2", "text:abc"}));
    EXPECT_EQ(decode(first_part("a") + close_frame("\x03\xe8") + last_part("c")).seen, std::vector<std::string>{"close:1000"});
}

TEST(ws_fragments, a_control_frame_may_not_be_fragmented) {
    expect_violation(masked(9, "x") + masked(kFin, "y"), 1002);
    expect_violation(masked(10, "x"), 1002);
    expect_violation(masked(8, "\x03\xe8"), 1002);
}

TEST(ws_fragments, a_continuation_needs_a_beginning) {
    expect_violation(last_part("x"), 1002);
    expect_violation(middle_part("x"), 1002);
    expect_violation(first_part("a") + last_part("b") + last_part("c"), 1002);
}

TEST(ws_fragments, a_new_message_may_not_begin_within_another) {
    expect_violation(first_part("a") + text("b"), 1002);
    expect_violation(first_part("a") + first_part("b"), 1002);
}

// ---- UTF-8 ------------------------------------------------------------------------------------------------------------------------

TEST(ws_utf8, text_of_any_script_arrives_also_when_a_character_is_split) {
    const std::string korean = "안녕 😀 Ωé";
    EXPECT_EQ(decode(text(korean)).seen, std::vector{"text:" + korean});
    for (std::size_t at = 0; at <= korean.size(); ++at)
        EXPECT_EQ(decode_in(first_part(korean.substr(0, at)) + last_part(korean.substr(at)), {1'000}).seen, std::vector{"text:" + korean});
}

TEST(ws_utf8, malformed_text_is_refused) {
    for (const std::string_view bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82",
                                       "ab\x80"
                                       "c",
                                       "\xf0\x9f\x98"}) {
        expect_violation(text(bad), 1007);
        expect_violation(first_part(bad.substr(0, 1)) + last_part(bad.substr(1)), 1007);
    }
}

// ---- close ------------------------------------------------------------------------------------------------------------------------

std::string code_bytes(int code) { return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)}; }

TEST(ws_close, without_a_code) { EXPECT_EQ(decode(close_frame("")), (Outcome{{"close:1005"}, 0})); }

TEST(ws_close, allowed_codes_arrive) {
    for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 3999, 4000, 4999})
        EXPECT_EQ(decode(close_frame(code_bytes(code) + "bye")), (Outcome{{"close:" + std::to_string(code)}, 0}));
}

TEST(ws_close, other_codes_are_a_protocol_error) {
    for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65'535})
        EXPECT_EQ(decode(close_frame(code_bytes(code))), (Outcome{{}, 1002})) << code;
}

TEST(ws_close, a_code_cut_short_and_a_long_reason_are_protocol_errors) {
    expect_violation(close_frame("\x03"), 1002);
    EXPECT_EQ(decode(close_frame(code_bytes(1000) + std::string(123, 'r'))).violation, 0);
    expect_violation(close_frame(code_bytes(1000) + std::string(124, 'r')), 1002);
}

TEST(ws_close, a_reason_must_be_utf8) { expect_violation(close_frame(code_bytes(1000) + "\xff"), 1007); }

TEST(ws_close, nothing_is_taken_after_it) {
    EXPECT_EQ(decode(close_frame(code_bytes(1000)) + text("late") + ping("late") + "\xff\xff\xff\xff").seen,
              std::vector<std::string>{"close:1000"});
}

// ---- limits -----------------------------------------------------------------------------------------------------------------------

TEST(ws_limits, a_message_of_the_maximum_is_taken_and_one_byte_more_is_too_big) {
    EXPECT_EQ(decode(text(std::string(100, 'x')), 100).violation, 0);
    EXPECT_EQ(decode(text(std::string(101, 'x')), 100).violation, 1009);
}

TEST(ws_limits, fragments_count_together) {
    const auto half = std::string(50, 'x');
    EXPECT_EQ(decode(first_part(half) + last_part(half), 100).violation, 0);
    EXPECT_EQ(decode(first_part(half) + middle_part(half) + last_part("x"), 100).violation, 1009);
    EXPECT_EQ(decode(first_part(half) + ping(half) + last_part(half), 100).violation, 0);
}

TEST(ws_limits, a_large_claim_is_refused_by_its_header_alone) {
    const auto claim = [](std::string_view length) { return "\x81\xff" + std::string(length) + "mask"; };
    EXPECT_EQ(decode(claim(std::string_view("\0\0\0\0\0\x20\0\1", 8))).violation, 1009);
    EXPECT_EQ(decode(claim("\x7f\xff\xff\xff\xff\xff\xff\xff")).violation, 1009);
    EXPECT_EQ(decode(claim(std::string_view("\x80\0\0\0\0\0\0\1", 8))).violation, 1002);
}

TEST(ws_limits, two_mebibytes_arrive) {
    const std::string payload(kMessageBytesMax, 'm');
    EXPECT_EQ(decode_in(text(payload), {65'536}).seen, std::vector{"text:" + payload});
}

TEST(ws_limits, random_bytes_in_random_pieces_mean_the_same) {
    std::mt19937 random{11};
    for (int round = 0; round < 2'000; ++round) {
        std::string bytes;
        for (int frame = 0; frame < 3; ++frame) {
            const auto first = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : (random() % 2 ? kFin : 0) | (random() % 2 ? 1 : 9));
            bytes += masked(first, std::string(random() % 200, static_cast<char>(random())));
        }
        if (random() % 4 == 0) bytes[random() % bytes.size()] = static_cast<char>(random());
        ASSERT_EQ(decode_in(bytes, {1 + random() % 9, 1 + random() % 90}), decode_in(bytes, {10'000})) << round;
    }
}

// ---- the other way ----------------------------------------------------------------------------------------------------------------

TEST(ws_encoding, headers_of_the_three_lengths) {
    const auto frame = [](std::size_t size) {
        std::string out;
        append_ws_header(out, WsOpcode::text, size);
        return out;
    };
    EXPECT_EQ(frame(0), std::string("\x81\x00", 2));
    EXPECT_EQ(frame(125), "\x81\x7d");
    EXPECT_EQ(frame(126), std::string("\x81\x7e\x00\x7e", 4));
    EXPECT_EQ(frame(65'535), "\x81\x7e\xff\xff");
    EXPECT_EQ(frame(65'536), std::string("\x81\x7f\0\0\0\0\0\1\0\0", 10));
}

TEST(ws_encoding, frames_and_close) {
    std::string out;
    append_ws_frame(out, WsOpcode::pong, "hi");
    EXPECT_EQ(out, "\x8a\x02hi");
    out.clear();
    append_ws_close(out, 4002, "slow consumer");
    EXPECT_EQ(out, "\x88\x0f\x0f\xa2slow consumer");
    out.clear();
    append_ws_close(out, 1001, std::string(300, 'r'));
    EXPECT_EQ(out.size(), 2u + 125u);
}

}  // namespace
}  // namespace madang::net
