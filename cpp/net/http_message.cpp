#include "net/http_message.hpp"

#include <array>
#include <cstdio>

#include "net/ascii.hpp"

namespace madang::net {
namespace {

// RFC 9110 §5.6.7; by hand, because strftime speaks the locale's language.
void append_date(std::string& out, Time now) {
    using namespace std::chrono;
    constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = floor<days>(now);
    const year_month_day date{day};
    const hh_mm_ss time{floor<seconds>(now - day)};
    std::array<char, 48> text;
    const int size =
        std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[weekday{day}.c_encoding()],
                      unsigned{date.day()}, kMonths[unsigned{date.month()} - 1], int{date.year()}, static_cast<int>(time.hours().count()),
                      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    out.append(text.data(), static_cast<std::size_t>(size));
}

}  // namespace

std::string HttpRequest::field(std::string_view name) const {
    std::string value;
    for (const auto& [field_name, field_value] : fields) {
        if (!equal_ignoring_case(field_name, name)) continue;
        if (!value.empty()) value += ", ";
        value += field_value;
    }
    return value;
}

std::string_view phrase_of(int status) {
    switch (status) {
        case 101: return "Switching Protocols";
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 409: return "Conflict";
        case 413: return "Content Too Large";
        case 426: return "Upgrade Required";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 503: return "Service Unavailable";
        case 507: return "Insufficient Storage";
        default: return "Unknown";
    }
}

void append_answer(std::string& out, const HttpAnswer& answer, const AnswerFraming& framing) {
    out.append("HTTP/1.1 ")
        .append(std::to_string(answer.status))
        .append(" ")
        .append(phrase_of(answer.status))
        .append("\r\nServer: madang\r\nDate: ");
    append_date(out, framing.now);
    out += "\r\n";
    if (!answer.content_type.empty()) {
        out.append("Content-Type: ").append(answer.content_type).append("\r\n");
        out.append("Cache-Control: no-store\r\n");
    }
    // 1xx and 204 have no content and must not announce any.
    if (answer.status >= 200 && answer.status != 204)
        out.append("Content-Length: ").append(std::to_string(answer.body.size())).append("\r\n");
    for (const auto& [name, value] : answer.fields) out.append(name).append(": ").append(value).append("\r\n");
    if (framing.closes) out += "Connection: close\r\n";
    out += "\r\n";
    if (!framing.is_head) out += answer.body;
}

}  // namespace madang::net
