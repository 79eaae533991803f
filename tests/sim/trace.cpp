#include "trace.hpp"

#include <algorithm>

namespace madang::sim {

void Trace::note(const char* what, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
    mix(static_cast<std::uint64_t>(schedule_.now().count()));
    for (const char* at = what; *at != '\0'; ++at) mix(static_cast<unsigned char>(*at));
    for (const auto value : {a, b, c, d}) mix(value);
    auto& step = steps_[count_++ % kKept];
    step = {schedule_.now(), what, {a, b, c, d}};
    if (print_) std::fputs(line(step).c_str(), stdout);
}

std::string Trace::tail(std::size_t steps) const {
    std::string out;
    const auto kept = std::min<std::uint64_t>({count_, kKept, steps});
    for (auto at = count_ - kept; at < count_; ++at) out += line(steps_[at % kKept]);
    return out;
}

std::string Trace::line(const Step& step) {
    std::string out;
    const auto us = step.when.count();
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%5lld.%06lld  %-16s", static_cast<long long>(us / 1'000'000),
                  static_cast<long long>(us % 1'000'000), step.what);
    out += buffer;
    for (const auto value : step.values) out += " " + std::to_string(value);
    return out + "\n";
}

}  // namespace madang::sim
