// A real full disk: a small file system in memory, mounted for one process.
#include <chrono>
#include <memory>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "child_test.hpp"
#include "rows.hpp"
#include "scratch_folder.hpp"
#include "store/keys.hpp"
#include "store/rocks/rocks_store.hpp"

namespace madang::test {
namespace {

constexpr int kNoMounts = 77;

// Takes all space but `left` bytes of the file system.
void fill(const std::filesystem::path& path, std::uintmax_t left) {
    const auto free = std::filesystem::space(path.parent_path()).available;
    const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    ASSERT_EQ(::posix_fallocate(file, 0, static_cast<off_t>(free - left)), 0);
    ::close(file);
}

std::unique_ptr<RocksStore> opened(const std::filesystem::path& disk, std::uint64_t floor) {
    auto store = RocksStore::open({.path = disk / "store", .free_bytes_floor = floor, .write_buffer_bytes = 2 << 20});
    EXPECT_TRUE(store) << store.error().detail;
    return store ? std::move(*store) : nullptr;
}

void wait_for_space(const RocksStore& store, bool wanted) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (store.has_space() != wanted) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        std::this_thread::yield();
    }
}

std::size_t rows(const RocksStore& store) { return rows_in(store, Table::message, Key(1), Key(2)).size(); }

void notices_the_floor(const std::filesystem::path& disk) {
    const auto store = opened(disk, 8 << 20);
    ASSERT_TRUE(store && store->has_space());
    for (std::uint64_t round = 1; round <= 2; ++round) {
        fill(disk / "filling", 6 << 20);
        wait_for_space(*store, false);
        ASSERT_EQ(store->append(put(Table::message, Key(1, round), "under way")), Outcome::durable);
        ASSERT_EQ(rows(*store), round);
        std::filesystem::remove(disk / "filling");
        wait_for_space(*store, true);
    }
}

void appends_until_full_and_goes_on(const std::filesystem::path& disk) {
    auto store = opened(disk, 0);
    ASSERT_TRUE(store);
    const std::string value(20'000, 'v');
    std::uint64_t durable = 0;
    const auto append = [&] { return store->append(put(Table::message, Key(1, durable + 1), value)); };
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 20; ++i, ++durable) ASSERT_EQ(append(), Outcome::durable);
        fill(disk / "filling", 1 << 20);
        auto outcome = append();
        for (; outcome == Outcome::durable; outcome = append()) ++durable;
        ASSERT_EQ(outcome, Outcome::full);
        ASSERT_FALSE(store->has_space());
        ASSERT_EQ(rows(*store), durable) << "reads go on";
        std::filesystem::remove(disk / "filling");
        wait_for_space(*store, true);
    }
    ASSERT_EQ(append(), Outcome::durable);
    store.reset();
    store = opened(disk, 0);
    ASSERT_TRUE(store);
    ASSERT_EQ(rows(*store), durable + 1);
}

TEST(RocksSpaceChild, DISABLED_on_a_small_disk) {
    if (child_folder().empty()) GTEST_SKIP() << "is started by RocksSpace";
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("disk", child_folder().c_str(), "tmpfs", 0, "size=64m") != 0)
        ::_exit(kNoMounts);
    const bool floored = std::string_view(std::getenv("MADANG_TEST_FIRST")) == "floor";
    floored ? notices_the_floor(child_folder()) : appends_until_full_and_goes_on(child_folder());
}

void run(const std::string& floor) {
    const ScratchFolder folder;
    const auto child = start_child_test("RocksSpaceChild.*", folder.path(), floor);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNoMounts) GTEST_SKIP() << "may not mount a disk here";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(RocksSpace, a_disk_below_the_floor_is_noticed_and_so_is_room) { run("floor"); }
TEST(RocksSpace, a_disk_that_runs_full_loses_nothing_and_goes_on_when_there_is_room) { run("none"); }

}  // namespace
}  // namespace madang::test
