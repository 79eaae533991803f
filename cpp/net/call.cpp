#include "net/call.hpp"

#include "net/resync_words.hpp"
#include "wire/answers.hpp"

namespace madang::net {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kProblem = "application/problem+json";

}  // namespace

void Call::respond(HttpAnswer answer) {
    if (const auto responder = around_.responder.lock()) responder->respond(std::move(answer));
}

void Call::answer(int status, std::string json) { respond({status, kJson, std::move(json), {}}); }

void Call::answer_nothing() { respond({204, {}, {}, {}}); }

void Call::answer_text(int status, std::string_view content_type, std::string text) {
    respond({status, content_type, std::move(text), {}});
}

void Call::refuse(const Error& error, std::vector<std::pair<std::string_view, std::string>> fields) {
    refuse_as(http_status_of(error.code), error, std::move(fields));
}

void Call::refuse_as(int status, const Error& error, std::vector<std::pair<std::string_view, std::string>> fields) {
    std::string problem;
    wire::append_problem(problem, status, phrase_of(status), error);
    // RFC 6750 §3 and RFC 9110 §10.2.3; the exact time stands in the document.
    if (status == 401) fields.emplace_back("WWW-Authenticate", "Bearer");
    if (error.retry_after.count() > 0) fields.emplace_back("Retry-After", std::to_string((error.retry_after.count() + 999) / 1'000));
    respond({status, kProblem, std::move(problem), std::move(fields)});
}

void Call::refuse_otherwise(const Response& response) {
    if (const auto* resync = std::get_if<ResyncRequired>(&response)) {
        const Error error{Code::resync_required, "this cursor can't be served"};
        const auto hint = hint_of(*resync);
        std::string problem;
        wire::append_problem(problem, 409, phrase_of(409), error, &hint);
        return respond({409, kProblem, std::move(problem), {}});
    }
    refuse({Code::internal, "an answer of the wrong kind"});
}

void Call::upgrade(HttpAnswer answer) {
    if (const auto responder = around_.responder.lock()) responder->upgrade(std::move(answer), who_);
}

void Call::when_abandoned(std::move_only_function<void()> act) {
    when_abandoned_ = std::move(act);
    if (is_abandoned_) abandon();
}

void Call::abandon() {
    is_abandoned_ = true;
    if (auto act = std::exchange(when_abandoned_, nullptr)) act();
}

bool Call::may_send(std::size_t bytes) {
    if (is_loopback() && limits().loopback_exempt) return true;
    const auto wait = around_.rates.take(who_.actor.user, bytes, core().clock().tick());
    if (!wait) return true;
    refuse({Code::rate_limited, "too many sends", *wait});
    return false;
}

bool Call::may_call(Costly which) {
    if (is_loopback() && limits().loopback_exempt) return true;
    const auto wait = around_.rates.take(who_.actor.user, which, core().clock().tick());
    if (!wait) return true;
    refuse({Code::rate_limited, "too many calls of this kind", *wait});
    return false;
}

bool Call::may_guess(const std::string& username) {
    if (is_loopback() && limits().loopback_exempt) return true;
    const auto wait = around_.rates.take_guess(username, core().clock().tick());
    if (!wait) return true;
    refuse({Code::rate_limited, "too many wrong passwords for this username", *wait});
    return false;
}

void Call::give_back_guess(const std::string& username) { around_.rates.give_back_guess(username, core().clock().tick()); }

}  // namespace madang::net
