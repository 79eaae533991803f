#include "wire/json_writer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace madang::wire {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ull;
constexpr std::uint64_t kHighs = 0x8080808080808080ull;

// A high bit for every byte of `word` that must be escaped; bytes after the first hit may be marked wrongly.
std::uint64_t escapes_in(std::uint64_t word) {
    const auto below_space = (word - kOnes * 0x20) & ~word;
    const auto quote = word ^ (kOnes * '"');
    const auto backslash = word ^ (kOnes * '\\');
    return (below_space | ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash)) & kHighs;
}

bool is_escaped(unsigned char byte) { return byte < 0x20 || byte == '"' || byte == '\\'; }

// Length of the longest prefix that goes out unchanged.
std::size_t plain_prefix(std::string_view text) {
    std::size_t at = 0;
    if constexpr (std::endian::native == std::endian::little) {
        for (; at + 8 <= text.size(); at += 8) {
            std::uint64_t word;
            std::memcpy(&word, text.data() + at, 8);
            if (const auto hits = escapes_in(word)) return at + static_cast<std::size_t>(std::countr_zero(hits)) / 8;
        }
    }
    while (at < text.size() && !is_escaped(static_cast<unsigned char>(text[at]))) ++at;
    return at;
}

void append_escape(std::string& out, unsigned char byte) {
    switch (byte) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\b': out += "\\b"; return;
        case '\f': out += "\\f"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += "\\u00";
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
}

void put_digits(char* at, int count, std::int64_t value) {
    for (int i = count - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
    out += '"';
    for (;;) {
        const auto plain = plain_prefix(text);
        out.append(text.data(), plain);
        if (plain == text.size()) break;
        append_escape(out, static_cast<unsigned char>(text[plain]));
        text.remove_prefix(plain + 1);
    }
    out += '"';
}

void append_number(std::string& out, std::uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

void append_bool(std::string& out, bool value) { out += value ? "true" : "false"; }

void append_time(std::string& out, Time time) {
    using namespace std::chrono;
    constexpr Time kFirst{sys_days{year{0} / 1 / 1}};
    constexpr Time kLast{sys_days{year{9999} / 12 / 31} + hours{24} - milliseconds{1}};
    time = std::clamp(time, kFirst, kLast);
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const auto of_day = (time - day).count();
    char text[] = "\"0000-00-00T00:00:00.000Z\"";
    put_digits(text + 1, 4, int{date.year()});
    put_digits(text + 6, 2, unsigned{date.month()});
    put_digits(text + 9, 2, unsigned{date.day()});
    put_digits(text + 12, 2, of_day / 3'600'000);
    put_digits(text + 15, 2, of_day / 60'000 % 60);
    put_digits(text + 18, 2, of_day / 1'000 % 60);
    put_digits(text + 21, 3, of_day % 1'000);
    out.append(text, sizeof text - 1);
}

}  // namespace madang::wire
