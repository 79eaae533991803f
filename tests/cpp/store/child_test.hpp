// Runs a test of this executable in a process of its own: one to be killed, or to have its own mounts. Forking alone would not do, since a
// forked child lacks the threads that RocksDB believes to have.
#pragma once

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace madang::test {

// Starts the (disabled) test with the variables MADANG_TEST_FOLDER and MADANG_TEST_FIRST set; `keep_open` stays open as descriptor 3.
inline pid_t start_child_test(const std::string& filter, const std::string& folder, const std::string& first, int keep_open = -1) {
    const auto child = ::fork();
    if (child != 0) return child;
    ::setenv("MADANG_TEST_FOLDER", folder.c_str(), 1);
    ::setenv("MADANG_TEST_FIRST", first.c_str(), 1);
    if (keep_open >= 0) ::dup2(keep_open, 3);
    const auto filter_flag = "--gtest_filter=" + filter;
    ::execl("/proc/self/exe", "store_test", filter_flag.c_str(), "--gtest_also_run_disabled_tests", "--gtest_brief=1", nullptr);
    ::_exit(127);
}

inline std::string child_folder() {
    const auto* folder = std::getenv("MADANG_TEST_FOLDER");
    return folder ? folder : "";
}

}  // namespace madang::test
