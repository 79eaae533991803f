#include "wire/times.hpp"

namespace madang::wire {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes the text from its beginning, piece by piece; what does not fit spoils it.
class Pieces {
  public:
    explicit Pieces(std::string_view text) : rest_(text) {}

    int number(std::size_t digits) {
        int value = 0;
        for (; digits > 0; --digits) value = value * 10 + digit();
        return value;
    }
    void expect(char wanted) { good_ = take(wanted) && good_; }
    // Either case of a letter.
    bool take(char wanted) {
        if (rest_.empty() || (rest_.front() != wanted && rest_.front() != (wanted | 0x20))) return false;
        rest_.remove_prefix(1);
        return true;
    }
    int milliseconds() {
        int value = 0, scale = 100;
        do {
            value += digit() * scale;
            scale /= 10;
        } while (good_ && !rest_.empty() && is_digit(rest_.front()));
        return value;
    }
    bool complete() const { return good_ && rest_.empty(); }
    void spoil() { good_ = false; }

  private:
    int digit() {
        if (rest_.empty() || !is_digit(rest_.front())) {
            good_ = false;
            return 0;
        }
        const int value = rest_.front() - '0';
        rest_.remove_prefix(1);
        return value;
    }

    std::string_view rest_;
    bool good_ = true;
};

// Minutes east of Greenwich.
int offset(Pieces& pieces) {
    if (pieces.take('Z')) return 0;
    const int sign = pieces.take('-') ? -1 : 1;
    if (sign > 0) pieces.expect('+');
    const int hours = pieces.number(2);
    pieces.expect(':');
    const int minutes = pieces.number(2);
    if (hours > 23 || minutes > 59) pieces.spoil();
    return sign * (hours * 60 + minutes);
}

}  // namespace

std::optional<Time> parse_time(std::string_view text) {
    using namespace std::chrono;
    Pieces pieces(text);
    const year y{pieces.number(4)};
    pieces.expect('-');
    const month m{static_cast<unsigned>(pieces.number(2))};
    pieces.expect('-');
    const day d{static_cast<unsigned>(pieces.number(2))};
    pieces.expect('T');
    const int hour = pieces.number(2);
    pieces.expect(':');
    const int minute = pieces.number(2);
    pieces.expect(':');
    const int second = pieces.number(2);
    const int milli = pieces.take('.') ? pieces.milliseconds() : 0;
    const int east = offset(pieces);
    const year_month_day date{y, m, d};
    if (!pieces.complete() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return Time{sys_days{date}} + hours{hour} + minutes{minute - east} + seconds{second} + milliseconds{milli};
}

}  // namespace madang::wire
