// The log of the process: one line an event, as `key=value` text or as JSON. The only global of the core, because a line may be due
// anywhere. The library behind it is seen in log.cpp alone.
// Thread: log() and log_enabled() any; start_log() and stop_log() from one thread, before and after all others.
// Limits: lines are written by a thread of its own from a queue of kLogQueueLines; when that is full the oldest line is dropped and
// counted, so a blocked terminal never blocks a caller. Before start_log() warnings and errors go straight to standard error.
// Nothing secret goes into a field: no token, no password, no text of a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace madang {

inline constexpr std::size_t kLogQueueLines = 8192;

enum class LogLevel : std::uint8_t { debug, info, warn, error, off };
enum class LogFormat : std::uint8_t { text, json };

struct LogOptions {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::text;
    std::string file;  // empty = standard error; else appended to
    // For tests: takes finished lines on the log's thread, in place of the above.
    std::function<void(std::string_view line)> sink;
};

// Exception std::runtime_error if the file can't be opened. Replaces a running log.
void start_log(const LogOptions& options);
// Writes what waits and joins the thread. Idempotent.
void stop_log();
// Lines dropped since start_log() because the queue was full.
std::size_t dropped_log_lines();

bool log_enabled(LogLevel level) noexcept;

// One field; views live until log() returns.
struct LogField {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(std::string_view{v}) {}
    LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view{v}) {}
    LogField(std::string_view k, bool v) : key(k), value(v) {}
    LogField(std::string_view k, double v) : key(k), value(v) {}
    template <typename Integer>
        requires std::is_integral_v<Integer>
    LogField(std::string_view k, Integer v) : key(k) {
        if constexpr (std::is_signed_v<Integer>)
            value = static_cast<std::int64_t>(v);
        else
            value = static_cast<std::uint64_t>(v);
    }
};

// `event` is a short, constant phrase ("store opened"); what varies goes into fields.
void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace madang
