#include "wire/client_frame.hpp"

#include <gtest/gtest.h>

namespace madang::wire {
namespace {

std::string repeated(std::string_view piece, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += piece;
    return out;
}

// The refusal of a frame that must be parsed to one.
RefusedOp refusal(std::string_view text) {
    const auto frame = parse_client_frame(text);
    EXPECT_TRUE(frame) << text;
    if (!frame || !std::holds_alternative<RefusedOp>(frame->op)) {
        ADD_FAILURE() << "not refused: " << text;
        return {};
    }
    return std::get<RefusedOp>(frame->op);
}

TEST(client_frame, send_to_a_conversation) {
    const auto frame = parse_client_frame(R"({"op":"send","ref":1,"conversation_id":"4102","client_id":"a-1","text":"hi"})");
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->ref, "1");
    const auto& send = std::get<SendOp>(frame->op);
    EXPECT_EQ(send.conversation, ConversationId{4102});
    EXPECT_FALSE(send.peer);
    EXPECT_EQ(send.client_id, "a-1");
    EXPECT_EQ(send.text, "hi");
}

TEST(client_frame, send_to_a_user) {
    const auto frame = parse_client_frame(R"({"text":"hi","client_id":"x","user_id":"7","op":"send"})");
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->ref, "");
    EXPECT_EQ(std::get<SendOp>(frame->op).peer, UserId{7});
}

TEST(client_frame, attach_with_and_without_a_cursor) {
    EXPECT_EQ(std::get<AttachOp>(parse_client_frame(R"({"op":"attach","cursor":0})")->op).cursor, Cursor{0});
    EXPECT_EQ(std::get<AttachOp>(parse_client_frame(R"({"op":"attach","cursor":18446744073709551615})")->op).cursor, Cursor{~0ull});
    EXPECT_EQ(std::get<AttachOp>(parse_client_frame(R"({"op":"attach"})")->op).cursor, std::nullopt);
}

TEST(client_frame, ack_and_ping) {
    EXPECT_EQ(std::get<AckOp>(parse_client_frame(R"({"op":"ack","cursor":12})")->op).cursor, Cursor{12});
    EXPECT_TRUE(std::holds_alternative<PingOp>(parse_client_frame(R"( {"op" : "ping"} )")->op));
}

TEST(client_frame, ref_is_repeated_as_it_was_written) {
    const auto ref_of = [](std::string_view ref) { return parse_client_frame(R"({"op":"ping","ref":)" + std::string(ref) + "}")->ref; };
    EXPECT_EQ(ref_of("0"), "0");
    EXPECT_EQ(ref_of("-7"), "-7");
    EXPECT_EQ(ref_of("1.50"), "1.50");
    EXPECT_EQ(ref_of("1E5"), "1E5");
    EXPECT_EQ(ref_of("123456789012345678901234567890"), "123456789012345678901234567890");
    EXPECT_EQ(ref_of(R"("a\"b")"), R"("a\"b")");
    EXPECT_EQ(ref_of(R"("")"), R"("")");
}

TEST(client_frame, a_ref_of_another_type_or_too_long_is_refused_without_a_ref) {
    for (const auto* ref : {"true", "[1]", "{}"}) {
        const auto frame = parse_client_frame(R"({"op":"ping","ref":)" + std::string(ref) + "}");
        ASSERT_TRUE(frame);
        EXPECT_EQ(frame->ref, "");
        EXPECT_TRUE(std::holds_alternative<RefusedOp>(frame->op)) << ref;
    }
    const auto frame = parse_client_frame(R"({"op":"ping","ref":")" + std::string(kRefBytesMax, 'r') + "\"}");
    ASSERT_TRUE(frame);
    EXPECT_TRUE(std::holds_alternative<RefusedOp>(frame->op));
}

TEST(client_frame, unknown_members_are_ignored_whatever_they_hold) {
    const auto frame = parse_client_frame(
        R"({"a":null,"b":[1,{"op":"bad","text":["x"]}],"op":"send","conversation_id":"1","client_id":"c","c":{"text":"no"},"text":"yes","d":-1e3})");
    ASSERT_TRUE(frame);
    EXPECT_EQ(std::get<SendOp>(frame->op).text, "yes");
}

TEST(client_frame, of_a_name_that_comes_twice_the_last_one_wins) {
    const auto frame = parse_client_frame(
        R"({"op":"ping","op":"send","conversation_id":[1],"conversation_id":"5","client_id":"c","text":"a","text":"b"})");
    ASSERT_TRUE(frame);
    EXPECT_EQ(std::get<SendOp>(frame->op).conversation, ConversationId{5});
    EXPECT_EQ(std::get<SendOp>(frame->op).text, "b");
}

TEST(client_frame, escapes_in_text_are_decoded_nul_included) {
    const auto frame = parse_client_frame(R"({"op":"send","conversation_id":"1","client_id":"c","text":"\u0000\u00e9\ud83d\ude00\n"})");
    ASSERT_TRUE(frame);
    EXPECT_EQ(std::get<SendOp>(frame->op).text, std::string("\0é😀\n", 8));
}

TEST(client_frame, a_hundred_thousand_korean_characters_each_escaped_are_taken) {
    const auto frame =
        parse_client_frame(R"({"op":"send","conversation_id":"1","client_id":"c","text":")" + repeated(R"(\ud55c)", 100'000) + "\"}");
    ASSERT_TRUE(frame);
    EXPECT_EQ(std::get<SendOp>(frame->op).text, repeated("한", 100'000));
}

TEST(client_frame, what_is_no_json_object_is_a_bad_frame) {
    for (const std::string_view text : {"",
                                        " ",
                                        "null",
                                        "1",
                                        "\"op\"",
                                        "[]",
                                        R"([{"op":"ping"}])",
                                        "{",
                                        "}",
                                        R"({"op":"ping")",
                                        R"({"op":"ping"}})",
                                        R"({"op":"ping"}{})",
                                        R"({op:"ping"})",
                                        R"({'op':'ping'})",
                                        R"({"op":"ping",})",
                                        R"({"op":"ping"} x)",
                                        R"({"op":"ping","x":01})",
                                        R"({"op":"ping","x":1e999})",
                                        R"({"op":"ping","x":NaN})",
                                        R"({"op":"ping","x":"\ud800"})",
                                        R"({"op":"ping","x":"\udc00\ud800"})",
                                        "{\"op\":\"ping\",\"x\":\"\n\"}",
                                        "{\"op\":\"ping\",\"x\":\"\xff\"}",
                                        "{\"op\":\"ping\",\"x\":\"\xed\xa0\x80\"}",
                                        "{\"op\":\"ping\",\"x\":\"\xc0\x80\"}"})
        EXPECT_FALSE(parse_client_frame(text)) << text;
    EXPECT_FALSE(parse_client_frame(std::string_view("{\"op\":\"ping\",\"x\":\"\0\"}", 21)));
}

TEST(client_frame, no_known_op_is_a_bad_frame) {
    for (const auto* text :
         {"{}", R"({"ref":1})", R"({"op":"PING"})", R"({"op":""})", R"({"op":1})", R"({"op":null})", R"({"op":["ping"]})"})
        EXPECT_FALSE(parse_client_frame(text)) << text;
}

TEST(client_frame, nesting_is_taken_up_to_32_and_is_a_bad_frame_beyond) {
    const auto nested = [](std::size_t depth) {
        return R"({"op":"ping","x":)" + repeated("[", depth - 1) + repeated("]", depth - 1) + "}";
    };
    EXPECT_TRUE(parse_client_frame(nested(32)));
    EXPECT_FALSE(parse_client_frame(nested(33)));
    EXPECT_FALSE(parse_client_frame(nested(58'500)));                                   // 117 KB
    EXPECT_FALSE(parse_client_frame(R"({"op":"ping","x":)" + repeated("[", 100'000)));  // never closed
    EXPECT_FALSE(parse_client_frame(repeated("[", 100'000)));
    EXPECT_FALSE(parse_client_frame(repeated(R"({"x":)", 100'000)));
}

TEST(client_frame, wrong_and_missing_members_are_refused_by_name) {
    const auto names = [](std::string_view text, std::string_view member) {
        const auto op = refusal(text);
        EXPECT_EQ(op.error.code, Code::bad_request);
        EXPECT_NE(op.error.detail.find(member), std::string::npos) << op.error.detail;
    };
    names(R"({"op":"send","client_id":"c","text":"x"})", "conversation_id");
    names(R"({"op":"send","conversation_id":"1","user_id":"2","client_id":"c","text":"x"})", "user_id");
    names(R"({"op":"send","conversation_id":1,"client_id":"c","text":"x"})", "conversation_id");
    names(R"({"op":"send","conversation_id":"0","client_id":"c","text":"x"})", "conversation_id");
    names(R"({"op":"send","conversation_id":"-1","client_id":"c","text":"x"})", "conversation_id");
    names(R"({"op":"send","conversation_id":"18446744073709551616","client_id":"c","text":"x"})", "conversation_id");
    names(R"({"op":"send","conversation_id":"1","text":"x"})", "client_id");
    names(R"({"op":"send","conversation_id":"1","client_id":"","text":"x"})", "client_id");
    names(R"({"op":"send","conversation_id":"1","client_id":")" + repeated("한", 65) + R"(","text":"x"})", "client_id");
    names(R"({"op":"send","conversation_id":"1","client_id":"c"})", "text");
    names(R"({"op":"send","conversation_id":"1","client_id":"c","text":5})", "text");
    names(R"({"op":"attach","cursor":"5"})", "cursor");
    names(R"({"op":"attach","cursor":-1})", "cursor");
    names(R"({"op":"attach","cursor":1.0})", "cursor");
    names(R"({"op":"attach","cursor":18446744073709551616})", "cursor");
    names(R"({"op":"ack"})", "cursor");
}

TEST(client_frame, a_client_id_of_64_characters_is_taken) {
    EXPECT_TRUE(std::holds_alternative<SendOp>(
        parse_client_frame(R"({"op":"send","conversation_id":"1","client_id":")" + repeated("한", 64) + R"(","text":"x"})")->op));
}

TEST(client_frame, edit_and_delete_name_a_message) {
    const auto edit = parse_client_frame(R"({"op":"edit","ref":1,"conversation_id":"5","seq":7,"text":"new"})");
    const auto& op = std::get<EditOp>(edit->op);
    EXPECT_EQ(op.conversation, ConversationId{5});
    EXPECT_EQ(op.seq, Seq{7});
    EXPECT_EQ(op.text, "new");
    const auto gone = parse_client_frame(R"({"op":"delete","ref":1,"conversation_id":"5","seq":7})");
    EXPECT_EQ(std::get<DeleteOp>(gone->op).seq, Seq{7});
    for (const auto* bad : {R"({"op":"edit","conversation_id":"5","seq":7})", R"({"op":"edit","conversation_id":"5","text":"x"})",
                            R"({"op":"edit","seq":7,"text":"x"})", R"({"op":"delete","conversation_id":"5","seq":"7"})"})
        EXPECT_TRUE(std::holds_alternative<RefusedOp>(parse_client_frame(bad)->op)) << bad;
}

TEST(client_frame, a_read_names_a_conversation_and_a_position) {
    const auto frame = parse_client_frame(R"({"op":"read","ref":1,"conversation_id":"7","seq":12})");
    const auto* read = std::get_if<ReadOp>(&frame->op);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->conversation, ConversationId{7});
    EXPECT_EQ(read->seq, Seq{12});
    for (const auto* members :
         {R"("seq":1)", R"("conversation_id":"7")", R"("conversation_id":"7","seq":-1)", R"("conversation_id":7,"seq":1)"})
        EXPECT_FALSE(refusal(R"({"op":"read",)" + std::string(members) + "}").only_with_ref) << members;
}

TEST(client_frame, known_operations_that_are_not_offered_are_refused) {
    for (const auto* op : {"join", "leave"}) EXPECT_FALSE(refusal(R"({"op":")" + std::string(op) + R"(","ref":1})").only_with_ref) << op;
    for (const auto* op : {"typing", "watch"}) EXPECT_TRUE(refusal(R"({"op":")" + std::string(op) + "\"}").only_with_ref) << op;
    EXPECT_TRUE(refusal(R"({"op":"ack","cursor":"x"})").only_with_ref);
}

}  // namespace
}  // namespace madang::wire
