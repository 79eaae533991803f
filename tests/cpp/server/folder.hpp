// A folder of its own for each test, gone at its end.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace madang::server {

class Folder {
  public:
    Folder() {
        auto pattern = ::testing::TempDir() + "madang-XXXXXX";
        path_ = mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace madang::server
