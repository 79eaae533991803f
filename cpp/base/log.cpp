#include "base/log.hpp"

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <stdexcept>

#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/text.hpp"

namespace madang {
namespace {

struct Running {
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
};

std::atomic<LogLevel> g_level{LogLevel::warn};
std::atomic<LogFormat> g_format{LogFormat::text};
std::unique_ptr<Running> g_running;  // changed by start_log and stop_log alone, while nobody logs

class FunctionSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit FunctionSink(std::function<void(std::string_view)> take) : take_(std::move(take)) {}

  private:
    void sink_it_(const spdlog::details::log_msg& message) override { take_({message.payload.data(), message.payload.size()}); }
    void flush_() override {}

    std::function<void(std::string_view)> take_;
};

constexpr std::string_view name_of(LogLevel level) {
    constexpr std::array<std::string_view, 5> kNames{"debug", "info", "warn", "error", "off"};
    return kNames[static_cast<std::size_t>(level)];
}

void append_time(std::string& line) {
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto day = std::chrono::floor<std::chrono::days>(now);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{now - day};
    std::array<char, 40> text;
    const int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                   static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                                   static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    line.append(text.data(), static_cast<std::size_t>(size));
}

// The inside of a JSON string; bytes that are not UTF-8 appear as the code points of their values.
void append_escaped(std::string& line, std::string_view text) {
    const bool valid = is_utf8(text);
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !valid)) {
            std::array<char, 8> code;
            std::snprintf(code.data(), code.size(), "\\u%04x", byte);
            line += code.data();
        } else {
            line += c;
        }
    }
}

void append_quoted(std::string& line, std::string_view text) {
    line += '"';
    append_escaped(line, text);
    line += '"';
}

bool needs_quotes(std::string_view text) {
    if (text.empty()) return true;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte >= 0x7F || c == '"' || c == '=' || c == '\\') return true;
    }
    return false;
}

void append_value(std::string& line, const LogField& field, bool json) {
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        if (json || needs_quotes(*text))
            append_quoted(line, *text);
        else
            line += *text;
    } else if (const auto* flag = std::get_if<bool>(&field.value)) {
        line += *flag ? "true" : "false";
    } else if (const auto* real = std::get_if<double>(&field.value)) {
        std::array<char, 32> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *real).ptr;
        const std::string_view shown{digits.data(), static_cast<std::size_t>(end - digits.data())};
        line += json && !std::isfinite(*real) ? std::string_view{"null"} : shown;
    } else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) {
        line += std::to_string(*whole);
    } else {
        line += std::to_string(std::get<std::uint64_t>(field.value));
    }
}

std::string text_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    std::string line;
    append_time(line);
    line.append(" ").append(name_of(level)).append(" ").append(event);
    for (const auto& field : fields) {
        line.append(" ").append(field.key).append("=");
        append_value(line, field, false);
    }
    return line;
}

std::string json_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    std::string line = "{\"time\":\"";
    append_time(line);
    line.append("\",\"level\":\"").append(name_of(level)).append("\",\"event\":");
    append_quoted(line, event);
    for (const auto& field : fields) {
        line += ',';
        append_quoted(line, field.key);
        line += ':';
        append_value(line, field, true);
    }
    return line += '}';
}

spdlog::sink_ptr make_sink(const LogOptions& options) {
    if (options.sink) return std::make_shared<FunctionSink>(options.sink);
    if (options.file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
    try {
        return std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    } catch (const spdlog::spdlog_ex& error) {
        throw std::runtime_error(error.what());
    }
}

}  // namespace

void start_log(const LogOptions& options) {
    stop_log();
    auto sink = make_sink(options);
    sink->set_pattern("%v");
    auto running = std::make_unique<Running>();
    running->pool = std::make_shared<spdlog::details::thread_pool>(kLogQueueLines, 1);
    running->logger =
        std::make_shared<spdlog::async_logger>("madang", std::move(sink), running->pool, spdlog::async_overflow_policy::overrun_oldest);
    running->logger->set_level(spdlog::level::trace);
    running->logger->flush_on(spdlog::level::trace);
    g_running = std::move(running);
    g_format = options.format;
    g_level = options.level;
}

void stop_log() {
    // The pool's destructor works off the queue and joins.
    g_level = LogLevel::warn;
    if (auto running = std::move(g_running)) running->pool.reset();
}

std::size_t dropped_log_lines() { return g_running ? g_running->pool->overrun_counter() : 0; }

bool log_enabled(LogLevel level) noexcept { return level >= g_level.load(std::memory_order_relaxed) && level != LogLevel::off; }

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    if (!log_enabled(level)) return;
    const bool json = g_format.load(std::memory_order_relaxed) == LogFormat::json;
    const auto line = json ? json_line(level, event, fields) : text_line(level, event, fields);
    if (!g_running) {
        std::fprintf(stderr, "%s\n", line.c_str());
        return;
    }
    const auto severity = level >= LogLevel::error ? spdlog::level::err : spdlog::level::info;
    g_running->logger->log(severity, spdlog::string_view_t{line.data(), line.size()});
}

}  // namespace madang
