// One process at a time in a store's folder. Internal to the room.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace madang {

// Holds `<folder>/madang.lock` locked as long as it lives; the kernel lets go when the process ends, however it ends.
class LockFile {
  public:
    // Errors: unavailable (another process has it; `detail` names it), internal (the file can't be made).
    static Result<LockFile> take(const std::filesystem::path& folder);
    LockFile(LockFile&& other) noexcept;
    LockFile& operator=(LockFile&&) = delete;
    ~LockFile();

  private:
    explicit LockFile(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

}  // namespace madang
