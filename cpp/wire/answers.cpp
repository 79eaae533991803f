#include "wire/answers.hpp"

#include "wire/json_writer.hpp"
#include "wire/objects.hpp"
#include "wire/words.hpp"

namespace madang::wire {
namespace {

void begin(std::string& out, std::string_view op, std::string_view ref) {
    out.append(R"({"op":")").append(op).append("\"");
    if (!ref.empty()) out.append(R"(,"ref":)").append(ref);
}

void append_retry(std::string& out, const Error& error) {
    if (error.retry_after.count() <= 0) return;
    out += R"(,"retry_after_ms":)";
    append_number(out, static_cast<std::uint64_t>(error.retry_after.count()));
}

}  // namespace

void append_problem(std::string& out, int status, std::string_view title, const Error& error, const ResyncHint* resync) {
    out += R"({"type":"about:blank","title":)";
    append_string(out, title);
    out += R"(,"status":)";
    append_number(out, static_cast<std::uint64_t>(status));
    out += R"(,"detail":)";
    append_string(out, error.detail);
    out += R"(,"code":")";
    out += name_of(error.code);
    out += '"';
    append_retry(out, error);
    if (resync != nullptr) {
        out.append(R"(,"reason":")").append(resync->reason).append(R"(","cursor":)");
        append_number(out, resync->cursor.value);
    }
    out += '}';
}

void append_attached(std::string& out, std::string_view ref, Cursor cursor) {
    begin(out, "attached", ref);
    out += R"(,"cursor":)";
    append_number(out, cursor.value);
    out += '}';
}

void append_resync(std::string& out, const ResyncHint& hint) {
    out.append(R"({"op":"resync","reason":")").append(hint.reason).append(R"(","cursor":)");
    append_number(out, hint.cursor.value);
    out += '}';
}

void append_pong(std::string& out, std::string_view ref) {
    begin(out, "pong", ref);
    out += '}';
}

void append_goaway(std::string& out, std::chrono::milliseconds after) {
    out += R"({"op":"goaway","after_ms":)";
    append_number(out, static_cast<std::uint64_t>(after.count()));
    out += '}';
}

void append_signal(std::string& out, const Signal& signal) {
    struct Members {
        std::string& out;
        void operator()(const PresenceSignal& s) const {
            std::string members;
            append_presence(members, s);
            out.append(R"("presence",)").append(members, 1, members.size() - 2);
        }
        void operator()(const TypingSignal& s) const {
            out += R"("typing","conversation_id":)";
            append_id(out, s.conversation);
            out += R"(,"user_id":)";
            append_id(out, s.user);
            out += R"(,"expires_at":)";
            append_time(out, s.expires_at);
        }
        void operator()(const ReceiptSignal& s) const {
            out += R"("receipt","conversation_id":)";
            append_id(out, s.conversation);
            out += R"(,"user_id":)";
            append_id(out, s.user);
            out.append(R"(,"kind":")").append(word(s.kind)).append(R"(","seq":)");
            append_number(out, s.seq.value);
        }
    };
    out += R"({"op":"signal","type":)";
    std::visit(Members{out}, signal);
    out += '}';
}

void append_reply(std::string& out, std::string_view ref) {
    begin(out, "reply", ref);
    out += '}';
}

void append_message_reply(std::string& out, std::string_view ref, std::string_view message) {
    begin(out, "reply", ref);
    out.append(R"(,"message":)").append(message);
    out += '}';
}

void append_held_reply(std::string& out, std::string_view ref, std::string_view held) {
    begin(out, "reply", ref);
    out.append(R"(,"held":)").append(held);
    out += '}';
}

void append_read_reply(std::string& out, std::string_view ref, std::string_view state) {
    begin(out, "reply", ref);
    out.append(",").append(state).append("}");
}

void append_error_reply(std::string& out, std::string_view ref, const Error& error) {
    begin(out, "reply", ref);
    out.append(R"(,"error":{"code":")").append(name_of(error.code)).append(R"(","message":)");
    append_string(out, error.detail);
    append_retry(out, error);
    out += "}}";
}

}  // namespace madang::wire
