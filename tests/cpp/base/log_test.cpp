#include "base/log.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace madang::test {
namespace {

class Log : public testing::Test {
  protected:
    void TearDown() override { stop_log(); }
    void start(LogFormat format, LogLevel level = LogLevel::info) {
        start_log({.level = level, .format = format, .file = {}, .sink = [this](std::string_view line) { lines_.emplace_back(line); }});
    }
    // All lines written so far, without their times.
    std::vector<std::string> lines() {
        stop_log();
        for (auto& line : lines_) {
            const std::size_t at = line.starts_with('{') ? std::string_view(R"({"time":")").size() : 0;
            const auto time = line.substr(at, 24);
            EXPECT_TRUE(time.size() == 24 && time[10] == 'T' && time[19] == '.' && time[23] == 'Z') << line;
            line.replace(at, 24, "TIME");
        }
        return lines_;
    }

    std::vector<std::string> lines_;
};

TEST_F(Log, text_lines_quote_what_would_be_read_wrongly) {
    start(LogFormat::text);
    log(LogLevel::info, "store opened", {{"path", "/data"}, {"rows", 12u}, {"cold", true}, {"seconds", 0.25}, {"delta", -3}});
    log(LogLevel::warn, "odd", {{"empty", ""}, {"words", "a b"}, {"quote", "say \"hi\""}, {"line", "a\nb"}, {"pair", "k=v"}});
    EXPECT_EQ(lines(), (std::vector<std::string>{"TIME info store opened path=/data rows=12 cold=true seconds=0.25 delta=-3",
                                                 R"(TIME warn odd empty="" words="a b" quote="say \"hi\"" line="a\u000ab" pair="k=v")"}));
}

TEST_F(Log, json_lines_are_json_whatever_the_bytes) {
    start(LogFormat::json);
    log(LogLevel::error, "odd",
        {{"text", "a\"b\\c\n\x01"},
         {"korean", "안녕"},
         {"bytes", "\xFF\xFE"},
         {"nan", std::numeric_limits<double>::quiet_NaN()},
         {"big", std::numeric_limits<std::uint64_t>::max()},
         {"off", false}});
    EXPECT_EQ(lines(),
              (std::vector<std::string>{
                  R"({"time":"TIME","level":"error","event":"odd","text":"a\"b\\c\u000a\u0001","korean":"안녕","bytes":"\u00ff\u00fe",)"
                  R"("nan":null,"big":18446744073709551615,"off":false})"}));
}

TEST_F(Log, lines_below_the_level_are_not_written) {
    start(LogFormat::text, LogLevel::warn);
    EXPECT_FALSE(log_enabled(LogLevel::info));
    EXPECT_TRUE(log_enabled(LogLevel::warn));
    log(LogLevel::debug, "no");
    log(LogLevel::info, "no");
    log(LogLevel::error, "yes");
    EXPECT_EQ(lines(), std::vector<std::string>{"TIME error yes"});
}

TEST_F(Log, level_off_is_silent) {
    start(LogFormat::text, LogLevel::off);
    EXPECT_FALSE(log_enabled(LogLevel::error));
    EXPECT_FALSE(log_enabled(LogLevel::off));
}

TEST_F(Log, a_blocked_writer_blocks_no_caller_and_the_oldest_lines_go) {
    std::atomic<bool> blocked = true;
    start_log({.level = LogLevel::info, .format = LogFormat::text, .file = {}, .sink = [&](std::string_view line) {
                   blocked.wait(true);
                   lines_.emplace_back(line);
               }});
    const auto count = kLogQueueLines + 500;
    for (std::size_t i = 0; i < count; ++i) log(LogLevel::info, "line", {{"n", i}});
    const auto dropped = dropped_log_lines();
    EXPECT_GE(dropped, 498u);
    blocked = false;
    blocked.notify_all();
    const auto written = lines();
    EXPECT_EQ(written.size(), count - dropped);
    EXPECT_EQ(written.back(), "TIME info line n=" + std::to_string(count - 1));
}

TEST_F(Log, a_file_is_appended_to) {
    const auto path = std::filesystem::temp_directory_path() / ("madang-log-" + std::to_string(::getpid()));
    for (const auto* event : {"first", "second"}) {
        start_log({.level = LogLevel::info, .format = LogFormat::text, .file = path.string(), .sink = {}});
        log(LogLevel::info, event);
        stop_log();
    }
    std::ifstream file(path);
    std::string one, two, three;
    EXPECT_TRUE(std::getline(file, one) && one.ends_with("info first"));
    EXPECT_TRUE(std::getline(file, two) && two.ends_with("info second"));
    EXPECT_FALSE(std::getline(file, three));
    std::filesystem::remove(path);
}

TEST_F(Log, a_file_that_cannot_be_opened_is_an_exception_at_start) {
    EXPECT_THROW(start_log({.level = LogLevel::info, .format = LogFormat::text, .file = "/proc/no/such/file", .sink = {}}),
                 std::runtime_error);
    EXPECT_TRUE(log_enabled(LogLevel::warn)) << "as before a start";
}

}  // namespace
}  // namespace madang::test
