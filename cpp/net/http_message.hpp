// A request as it was parsed, and an answer as it goes out. Values; the head of an answer is written here, without Beast.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace madang::net {

struct HttpRequest {
    std::string method;
    std::string target;                                       // path and query, as sent
    std::vector<std::pair<std::string, std::string>> fields;  // in order of arrival
    std::string body;
    bool keeps_alive = true;
    bool is_http_11 = true;

    // The field's value, names without regard to case; several of one name are joined with commas. Empty = none.
    std::string field(std::string_view name) const;
};

struct HttpAnswer {
    int status = 200;
    std::string_view content_type;  // empty = no body at all
    std::string body;
    std::vector<std::pair<std::string_view, std::string>> fields;  // further ones
};

struct AnswerFraming {
    bool closes = false;   // says `Connection: close`
    bool is_head = false;  // the body is announced, not sent
    Time now{};
};
void append_answer(std::string& out, const HttpAnswer& answer, const AnswerFraming& framing);
std::string_view phrase_of(int status);

}  // namespace madang::net
