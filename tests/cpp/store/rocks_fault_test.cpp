// A device that fails: this executable puts its own write() and fdatasync() before those of the C library.
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <thread>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "rows.hpp"
#include "scratch_folder.hpp"
#include "store/keys.hpp"
#include "store/rocks/rocks_store.hpp"

namespace {

std::atomic<int> sync_error{0};   // of every sync of a log, as long as it is set
std::atomic<int> write_error{0};  // of every write to a log or a table file, likewise
std::atomic<int> syncs{0};        // of logs

bool names_log(int descriptor, bool or_table = false) {
    const auto link = "/proc/self/fd/" + std::to_string(descriptor);
    std::array<char, 512> path{};
    const auto size = ::readlink(link.c_str(), path.data(), path.size());
    const std::string_view name(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    return name.ends_with(".log") || (or_table && name.ends_with(".sst"));
}

}  // namespace

extern "C" [[gnu::visibility("default")]] int fdatasync(int descriptor) {
    static const auto real = reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, "fdatasync"));
    if (names_log(descriptor)) {
        ++syncs;
        if (sync_error != 0) return errno = sync_error, -1;
    }
    return real(descriptor);
}

extern "C" [[gnu::visibility("default")]] ssize_t write(int descriptor, const void* bytes, size_t size) {
    static const auto real = reinterpret_cast<ssize_t (*)(int, const void*, size_t)>(::dlsym(RTLD_NEXT, "write"));
    if (write_error != 0 && names_log(descriptor, true)) return errno = write_error, -1;
    return real(descriptor, bytes, size);
}

namespace madang::test {
namespace {

class RocksFault : public testing::Test {
  protected:
    void SetUp() override { reopen(); }
    void TearDown() override { sync_error = 0, write_error = 0; }
    void reopen() {
        store_.reset();
        sync_error = 0, write_error = 0;
        auto opened = RocksStore::open({.path = folder_.path(), .free_bytes_floor = 0});
        ASSERT_TRUE(opened) << opened.error().detail;
        store_ = std::move(*opened);
    }
    Outcome append(std::uint64_t n) { return store_->append(put(Table::message, Key(1, n), std::to_string(n))); }
    std::size_t rows() { return rows_in(*store_, Table::message, Key(1), Key(2)).size(); }

    ScratchFolder folder_;
    std::unique_ptr<RocksStore> store_;
};

TEST_F(RocksFault, every_append_is_synced_before_it_is_durable) {
    for (std::uint64_t n = 1; n <= 5; ++n) {
        const int before = syncs;
        ASSERT_EQ(append(n), Outcome::durable);
        EXPECT_GT(syncs, before);
    }
}

TEST_F(RocksFault, after_a_failed_sync_nothing_is_taken_any_more_and_reads_go_on) {
    ASSERT_EQ(append(1), Outcome::durable);
    sync_error = EIO;
    EXPECT_EQ(append(2), Outcome::failed);
    sync_error = 0;
    for (int attempt = 0; attempt < 3; ++attempt) EXPECT_EQ(append(2), Outcome::failed) << "the device may say that all is well again";
    EXPECT_FALSE(store_->claim(1));
    EXPECT_EQ(rows(), 1u) << "what was not acknowledged is not shown";
    reopen();
    EXPECT_GE(rows(), 1u);
    EXPECT_EQ(append(2), Outcome::durable) << "a new process may";
    EXPECT_EQ(rows(), 2u);
}

TEST_F(RocksFault, after_a_failed_write_nothing_is_taken_any_more) {
    ASSERT_EQ(append(1), Outcome::durable);
    write_error = EIO;
    EXPECT_EQ(append(2), Outcome::failed);
    write_error = 0;
    EXPECT_EQ(append(2), Outcome::failed);
    EXPECT_EQ(rows(), 1u);
    reopen();
    EXPECT_EQ(append(2), Outcome::durable);
}

TEST_F(RocksFault, a_claim_that_could_not_be_written_gives_no_epoch) {
    const auto epoch = store_->claim(4);
    ASSERT_TRUE(epoch);
    sync_error = EIO;
    EXPECT_FALSE(store_->claim(4));
    reopen();
    const auto next_epoch = store_->claim(4);
    ASSERT_TRUE(next_epoch);
    EXPECT_GT(*next_epoch, *epoch);
}

TEST_F(RocksFault, without_space_appends_are_full_and_go_on_within_five_seconds_of_its_return) {
    ASSERT_EQ(append(1), Outcome::durable);
    write_error = ENOSPC;
    EXPECT_EQ(append(2), Outcome::full);
    EXPECT_FALSE(store_->has_space());
    EXPECT_EQ(append(2), Outcome::full);
    EXPECT_EQ(rows(), 1u) << "reads go on";
    // Long enough for some attempts to go on to fail.
    const auto full_until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
    while (std::chrono::steady_clock::now() < full_until) ASSERT_EQ(append(2), Outcome::full);
    write_error = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!store_->has_space() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    ASSERT_TRUE(store_->has_space());
    ASSERT_EQ(append(2), Outcome::durable);
    ASSERT_EQ(append(3), Outcome::durable);
    EXPECT_EQ(rows(), 3u);
    reopen();
    EXPECT_EQ(rows(), 3u);
}

}  // namespace
}  // namespace madang::test
