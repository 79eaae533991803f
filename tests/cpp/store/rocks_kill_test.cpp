// A process that is killed in the middle of its appends, again and again on the same data; a pipe is the ledger of what was durable.
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

#include "child_test.hpp"
#include "rows.hpp"
#include "scratch_folder.hpp"
#include "store/keys.hpp"
#include "store/rocks/rocks_store.hpp"

namespace madang::test {
namespace {

// Now and then one that is written in several pieces.
std::string value_of(std::uint64_t n) { return std::to_string(n) + std::string(n % 11 == 10 ? 700'000 : n % 3000, 'v'); }

// The process that is killed: appends, telling the ledger each number after it is durable.
TEST(RocksKillChild, DISABLED_appends_until_killed) {
    if (child_folder().empty()) GTEST_SKIP() << "is started by RocksKill";
    auto store = RocksStore::open({.path = child_folder(), .write_buffer_bytes = 2 << 20});
    ASSERT_TRUE(store) << store.error().detail;
    for (auto n = std::stoull(std::getenv("MADANG_TEST_FIRST"));; ++n) {
        Batch batch;
        batch.put(Table::message, Key(1, n), value_of(n));
        batch.put(Table::inbox, Key(2, n), value_of(n));
        batch.put(Table::inbox, Key(3, n), value_of(n));
        ASSERT_EQ((*store)->append(batch), Outcome::durable);
        ASSERT_EQ(::write(3, &n, sizeof n), static_cast<ssize_t>(sizeof n));
    }
}

// The last number of the ledger when the process was killed after `appends` of this round.
std::uint64_t run_and_kill(const std::filesystem::path& path, std::uint64_t first, std::uint64_t appends) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const auto child = start_child_test("RocksKillChild.*", path, std::to_string(first), ends[1]);
    ::close(ends[1]);
    std::uint64_t last = first - 1, n = 0;
    bool killed = false;
    // Everything that was told before the end counts, also what was on its way when the signal was sent.
    while (::read(ends[0], &n, sizeof n) == sizeof n) {
        last = n;
        if (!killed && n >= first + appends) killed = ::kill(child, SIGKILL) == 0;
    }
    ::close(ends[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "exit code " << WEXITSTATUS(status);
    return last;
}

TEST(RocksKill, what_was_durable_is_there_without_holes_after_every_kill) {
    const ScratchFolder folder;
    std::uint64_t stored = 0;
    for (std::uint64_t round = 0; round < 8; ++round) {
        const auto acked = run_and_kill(folder.path(), stored + 1, round * 37 % 150);
        auto store = RocksStore::open({.path = folder.path()});
        ASSERT_TRUE(store) << store.error().detail;
        const auto messages = rows_in(**store, Table::message, Key(1), Key(2));
        stored = messages.size();
        EXPECT_GE(stored, acked);
        EXPECT_LE(stored, acked + 1) << "only the append under way may be there unacknowledged";
        for (std::uint64_t n = 1; n <= stored; ++n) {
            ASSERT_EQ(messages[n - 1].first, std::string(Key(1, n)));
            ASSERT_EQ(messages[n - 1].second, value_of(n));
        }
        EXPECT_EQ(rows_in(**store, Table::inbox, Key(2), Key(3)).size(), stored) << "a batch is there whole or not at all";
        EXPECT_EQ(rows_in(**store, Table::inbox, Key(3), Key(4)).size(), stored);
    }
}

}  // namespace
}  // namespace madang::test
