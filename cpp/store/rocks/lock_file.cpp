#include "store/rocks/lock_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace madang {
namespace {

std::string owner_of(int descriptor) {
    std::array<char, 24> text{};
    const auto size = ::pread(descriptor, text.data(), text.size() - 1, 0);
    const std::string pid(text.data(), size > 0 ? std::strcspn(text.data(), "\n") : 0);
    return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Result<LockFile> LockFile::take(const std::filesystem::path& folder) {
    const auto path = folder / "madang.lock";
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail(Code::internal, path.string() + ": " + std::strerror(errno));
    LockFile lock(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        return fail(Code::unavailable, "the store " + folder.string() + " is in use by " + owner_of(descriptor));
    // Only for the message above; a full disk must not keep anyone from reading.
    const auto pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor, 0) == 0) std::ignore = ::pwrite(descriptor, pid.data(), pid.size(), 0);
    return lock;
}

LockFile::LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

LockFile::~LockFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace madang
