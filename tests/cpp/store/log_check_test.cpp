#include "store/rocks/log_check.hpp"

#include <fstream>
#include <iterator>
#include <optional>

#include <gtest/gtest.h>

#include "rows.hpp"
#include "scratch_folder.hpp"
#include "store/keys.hpp"
#include "store/rocks/rocks_store.hpp"

namespace madang::test {
namespace {

constexpr std::uint64_t kRows = 60;

// Some larger than a sector, some than a block of the log; no zero bytes, so that a missing sector shows.
std::string value_of(std::uint64_t n) {
    return std::to_string(n) + std::string(n % 20 == 19 ? 40'000 : n % 7 == 6 ? 2'000 : 50 + n, static_cast<char>('a' + n % 26));
}

// A store as it lies on the disk when its process is killed, with all its rows in one log.
class Image : public testing::Test {
  protected:
    void SetUp() override {
        const ScratchFolder origin;
        auto store = RocksStore::open({.path = origin.path()});
        ASSERT_TRUE(store) << store.error().detail;
        for (std::uint64_t n = 1; n <= kRows; ++n) {
            ASSERT_EQ((*store)->append(put(Table::message, Key(1, n), value_of(n))), Outcome::durable);
            ends_.push_back(written_in(log_in(origin.path())));
        }
        std::filesystem::copy(origin.path(), folder_.path(), std::filesystem::copy_options::recursive);
        log_ = log_in(folder_.path());
        bytes_ = read(log_);
        ASSERT_GT(bytes_.size(), ends_.back() + 65'536) << "the log has its size in advance";
        bytes_.resize(ends_.back() + 65'536);  // megabytes of zeros would only make the tests slow
    }

    static std::filesystem::path log_in(const std::filesystem::path& folder) {
        std::filesystem::path newest;
        for (const auto& file : std::filesystem::directory_iterator(folder))
            if (file.path().extension() == ".log" && (newest.empty() || newest < file.path())) newest = file.path();
        EXPECT_FALSE(newest.empty());
        return newest;
    }
    static std::string read(const std::filesystem::path& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    // Where the bytes that are not zero end; all appends of these tests together need less than two mebibytes.
    static std::size_t written_in(const std::filesystem::path& log) {
        std::string bytes(2 << 20, '\0');
        std::ifstream(log, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return bytes.find_last_not_of('\0') + 1;
    }

    void write_log(const std::string& bytes) const {
        std::ofstream file(log_, std::ios::binary | std::ios::trunc);
        file << bytes;
    }
    std::string zeroed(std::size_t from, std::size_t to) const {
        auto bytes = bytes_;
        std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.begin() + static_cast<std::ptrdiff_t>(to), '\0');
        return bytes;
    }
    Result<LogEnd> check(const std::string& bytes) const {
        write_log(bytes);
        return check_logs(folder_.path());
    }
    // Where the n-th append begins and ends; the first rows of a store are not ours.
    std::size_t begin_of(std::uint64_t n) const { return ends_[n - 2]; }
    std::size_t end_of(std::uint64_t n) const { return ends_[n - 1]; }

    // Rows of the opened store; none if it was refused. They must be the first ones, and right.
    std::optional<std::uint64_t> rows_after_opening(const std::string& bytes) const {
        const ScratchFolder copy;
        std::filesystem::copy(folder_.path(), copy.path(), std::filesystem::copy_options::recursive);
        std::ofstream(copy.path() / log_.filename(), std::ios::binary | std::ios::trunc) << bytes;
        // Twice: a recovery must leave a store that is whole.
        std::optional<std::uint64_t> count;
        for (int time = 0; time < 2; ++time) {
            const auto store = RocksStore::open({.path = copy.path()});
            if (!store) {
                EXPECT_NE(store.error().detail.find("log"), std::string::npos) << store.error().detail;
                EXPECT_EQ(time, 0);
                return std::nullopt;
            }
            const auto rows = rows_in(**store, Table::message, Key(1), Key(2));
            for (std::uint64_t n = 1; n <= rows.size(); ++n) {
                EXPECT_EQ(rows[n - 1].first, std::string(Key(1, n)));
                EXPECT_TRUE(rows[n - 1].second == value_of(n)) << n;
            }
            EXPECT_EQ(rows.size(), count.value_or(rows.size()));
            count = rows.size();
        }
        return count;
    }

    ScratchFolder folder_;
    std::filesystem::path log_;
    std::string bytes_;
    std::vector<std::size_t> ends_;
};

using LogCheck = Image;

TEST(Crc32c, agrees_with_the_vectors_of_the_standard) {
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
    EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
    EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
    EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xE3069283u);
}

TEST_F(LogCheck, a_log_of_a_killed_process_is_clean) {
    EXPECT_EQ(check(bytes_), LogEnd::clean);
    EXPECT_EQ(rows_after_opening(bytes_), kRows);
}

TEST_F(LogCheck, an_unsized_log_is_clean_too) {
    const auto bytes = bytes_.substr(0, end_of(kRows));
    EXPECT_EQ(check(bytes), LogEnd::clean);
    EXPECT_EQ(rows_after_opening(bytes), kRows);
}

TEST_F(LogCheck, a_log_cut_within_an_append_loses_that_append_alone) {
    for (const std::uint64_t n : {2, 6, 19, 39, 60})
        for (auto at = begin_of(n); at <= end_of(n); at += 1 + (end_of(n) - begin_of(n)) / 40) {
            const auto end = check(bytes_.substr(0, at));
            ASSERT_TRUE(end) << end.error().detail;
            ASSERT_EQ(*end, at == begin_of(n) || at == end_of(n) ? LogEnd::clean : LogEnd::torn) << at;
        }
    EXPECT_EQ(rows_after_opening(bytes_.substr(0, begin_of(60) + 3)), 59u);
    EXPECT_EQ(rows_after_opening(bytes_.substr(0, end_of(60) - 1)), 59u);
    EXPECT_EQ(rows_after_opening(bytes_.substr(0, end_of(39) - 1)), 38u);
    EXPECT_EQ(rows_after_opening(bytes_.substr(0, begin_of(39))), 38u);
    EXPECT_EQ(rows_after_opening(""), 0u);
}

TEST_F(LogCheck, an_append_whose_last_sectors_are_missing_is_dropped_alone) {
    for (const std::uint64_t n : {39, 59, 60}) {
        const auto cut = bytes_.substr(0, end_of(n)) + std::string(bytes_.size() - end_of(n), '\0');
        for (auto at = (begin_of(n) / 512 + 1) * 512; at < end_of(n); at += 512 * (1 + (end_of(n) - begin_of(n)) / 10'000)) {
            auto bytes = cut;
            std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(end_of(n)), '\0');
            const auto end = check(bytes);
            ASSERT_TRUE(end) << end.error().detail;
            ASSERT_EQ(*end, LogEnd::torn) << n << " from " << at;
        }
    }
    const auto bytes = zeroed((begin_of(59) / 512 + 4) * 512, bytes_.size());
    EXPECT_EQ(rows_after_opening(bytes), 58u);
}

TEST_F(LogCheck, an_append_whose_first_or_middle_sectors_are_missing_is_dropped_alone) {
    const auto cut = bytes_.substr(0, end_of(39)) + std::string(bytes_.size() - end_of(39), '\0');
    const auto first_sector = (begin_of(39) / 512 + 1) * 512;
    for (const auto& [from, to] :
         {std::pair(begin_of(39), first_sector), {begin_of(39), first_sector + 4096}, {first_sector, first_sector + 512}}) {
        auto bytes = cut;
        std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.begin() + static_cast<std::ptrdiff_t>(to), '\0');
        EXPECT_EQ(check(bytes), LogEnd::torn) << from << " to " << to;
        EXPECT_EQ(rows_after_opening(bytes), 38u);
    }
}

TEST_F(LogCheck, an_append_killed_between_its_header_and_its_rows_is_dropped_alone) {
    for (const std::uint64_t n : {2, 3, 4, 5, 39}) {
        const auto bytes = zeroed(begin_of(n) + 7, bytes_.size());
        EXPECT_EQ(check(bytes), LogEnd::torn) << n;
        EXPECT_EQ(rows_after_opening(bytes), n - 1);
    }
}

TEST_F(LogCheck, damage_with_whole_records_behind_it_is_refused_with_file_and_byte) {
    const auto bytes = zeroed(begin_of(20), end_of(20));
    const auto end = check(bytes);
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, Code::internal);
    EXPECT_NE(end.error().detail.find(log_.string() + " is damaged at byte " + std::to_string(begin_of(20))), std::string::npos)
        << end.error().detail;
    EXPECT_EQ(rows_after_opening(bytes), std::nullopt);
    EXPECT_EQ(rows_after_opening(zeroed(begin_of(20) / 512 * 512, end_of(20) / 512 * 512)), std::nullopt);
}

TEST_F(LogCheck, a_whole_block_of_zeros_in_the_middle_is_refused) {
    // The database alone passes over it without a word.
    ASSERT_GT(end_of(kRows), 3u * 32768);
    EXPECT_FALSE(check(zeroed(32768, 65536)));
}

TEST_F(LogCheck, two_blocks_in_the_wrong_order_are_refused) {
    const auto block = bytes_.substr(32768, 32768);
    auto swapped = bytes_;
    swapped.replace(32768, 32768, bytes_.substr(65536, 32768)).replace(65536, 32768, block);
    EXPECT_FALSE(check(swapped));
}

TEST_F(LogCheck, a_flipped_bit_is_refused_also_in_the_last_append) {
    const auto flipped = [&](std::size_t bit) {
        auto bytes = bytes_;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
        return bytes;
    };
    for (auto bit = 8 * begin_of(60); bit < 8 * end_of(60); ++bit) ASSERT_FALSE(check(flipped(bit))) << "bit " << bit - 8 * begin_of(60);
    for (std::size_t bit = 5; bit < 8 * begin_of(60); bit += 7993) ASSERT_FALSE(check(flipped(bit))) << "byte " << bit / 8;
    EXPECT_EQ(rows_after_opening(flipped(8 * begin_of(60) + 45)), std::nullopt);
    EXPECT_EQ(rows_after_opening(flipped(8 * end_of(30) - 3)), std::nullopt);
}

TEST_F(LogCheck, a_flipped_bit_behind_the_last_append_costs_nothing) {
    for (const auto behind : {0, 4, 6, 100, 4096}) {
        auto bytes = bytes_;
        bytes[end_of(kRows) + static_cast<std::size_t>(behind)] = 0x10;
        const auto rows = rows_after_opening(bytes);
        EXPECT_TRUE(!rows || *rows == kRows) << behind;
    }
}

TEST_F(LogCheck, a_torn_log_that_newer_appends_follow_is_refused) {
    const auto bytes = zeroed(begin_of(60), bytes_.size() - 1);
    write_log(bytes_.substr(0, end_of(59) + 20) + std::string(4096, '\0'));
    EXPECT_EQ(check_logs(folder_.path()), LogEnd::torn);
    const auto newer = folder_.path() / "999999.log";
    std::ofstream(newer, std::ios::binary) << std::string(4096, '\0');
    EXPECT_EQ(check_logs(folder_.path()), LogEnd::torn) << "an empty one is no append";
    std::ofstream(newer, std::ios::binary) << bytes_;
    EXPECT_FALSE(check_logs(folder_.path()));
}

// The first part of an append may be shorter than the header of a batch, or have no room at all.
TEST_F(LogCheck, an_append_may_begin_at_any_byte_before_the_end_of_a_block) {
    constexpr std::size_t kBlock = 32'768;
    const ScratchFolder folder;
    {
        auto store = RocksStore::open({.path = folder.path()});
        ASSERT_TRUE(store) << store.error().detail;
        std::uint64_t n = 0;
        const auto append = [&](std::size_t size) {
            ++n;
            ASSERT_EQ((*store)->append(put(Table::message, Key(1, n), std::string(size, 'x'))), Outcome::durable);
        };
        append(1'000);
        const auto before = written_in(log_in(folder.path()));
        append(1'000);
        const auto overhead = written_in(log_in(folder.path())) - before - 1'000;
        for (std::size_t left = 1; left <= 40 && !HasFatalFailure(); ++left) {
            append(20'000);  // over the boundary that the last round came close to
            const auto at = written_in(log_in(folder.path()));
            const auto begin = (at / kBlock + 1) * kBlock - left;
            append(begin - at - overhead);
            EXPECT_EQ(written_in(log_in(folder.path())), begin);
        }
        append(1'000);
    }
    EXPECT_EQ(check_logs(folder.path()), LogEnd::clean);
    EXPECT_TRUE(RocksStore::open({.path = folder.path()}));
}

TEST_F(LogCheck, damage_is_refused_also_if_all_that_follows_begins_with_the_shortest_part) {
    const ScratchFolder folder;
    std::size_t damaged = 0;
    {
        auto store = RocksStore::open({.path = folder.path()});
        ASSERT_TRUE(store) << store.error().detail;
        const auto append = [&](std::uint64_t n, std::size_t size) {
            ASSERT_EQ((*store)->append(put(Table::message, Key(1, n), std::string(size, 'x'))), Outcome::durable);
        };
        append(1, 1'000);
        const auto before = written_in(log_in(folder.path()));
        append(2, 1'000);
        damaged = written_in(log_in(folder.path()));
        const auto overhead = damaged - before - 1'000;
        append(3, 32'768 - 10 - damaged - overhead - 1);  // its length takes a byte more
        ASSERT_EQ(written_in(log_in(folder.path())), 32'768u - 10);
        append(4, 1'000);
    }
    auto bytes = read(log_in(folder.path()));
    bytes.replace(damaged, 4096, std::string(4096, '\0'));
    std::ofstream(log_in(folder.path()), std::ios::binary | std::ios::trunc) << bytes;
    EXPECT_FALSE(check_logs(folder.path()));
}

TEST(LogCheckFolder, without_a_log_is_clean_and_one_that_cannot_be_read_is_an_error) {
    const ScratchFolder folder;
    EXPECT_EQ(check_logs(folder.path()), LogEnd::clean);
    EXPECT_FALSE(check_logs(folder.path() / "missing"));
    std::filesystem::create_directory(folder.path() / "000001.log");
    const auto unreadable = check_logs(folder.path());
    ASSERT_FALSE(unreadable);
    EXPECT_NE(unreadable.error().detail.find("000001.log"), std::string::npos) << unreadable.error().detail;
}

}  // namespace
}  // namespace madang::test
