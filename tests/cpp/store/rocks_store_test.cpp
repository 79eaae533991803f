#include "store/rocks/rocks_store.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rows.hpp"
#include "scratch_folder.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang::test {
namespace {

std::unique_ptr<RocksStore> opened(const std::filesystem::path& path) {
    auto store = RocksStore::open({.path = path});
    EXPECT_TRUE(store) << store.error().detail;
    return store ? std::move(*store) : nullptr;
}

Error refused(const std::filesystem::path& path) {
    const auto store = RocksStore::open({.path = path});
    EXPECT_FALSE(store);
    return store ? Error{} : store.error();
}

void flip_bit(const std::filesystem::path& path, std::uint64_t bit) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(bit / 8));
    const auto byte = static_cast<char>(file.get() ^ (1 << bit % 8));
    file.seekp(static_cast<std::streamoff>(bit / 8));
    file.put(byte);
    ASSERT_TRUE(file.flush()) << path;
}

TEST(RocksStore, makes_its_folder_for_its_owner_alone) {
    const ScratchFolder folder;
    const auto path = folder.path() / "a" / "b";
    ASSERT_TRUE(opened(path));
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
}

TEST(RocksStore, a_folder_in_use_is_refused_with_the_process_that_has_it) {
    const ScratchFolder folder;
    const auto store = opened(folder.path());
    const auto error = refused(folder.path());
    EXPECT_EQ(error.code, Code::unavailable);
    EXPECT_NE(error.detail.find("in use by process " + std::to_string(::getpid())), std::string::npos) << error.detail;
}

TEST(RocksStore, a_folder_is_free_again_when_its_process_was_killed) {
    const ScratchFolder folder;
    const auto child = ::fork();
    if (child == 0) {
        const auto store = RocksStore::open({.path = folder.path()});
        ::kill(::getpid(), SIGKILL);
    }
    ASSERT_GT(child, 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_TRUE(opened(folder.path()));
}

TEST(RocksStore, a_folder_that_cannot_be_made_is_refused) {
    const ScratchFolder folder;
    std::ofstream(folder.path() / "file") << "x";
    EXPECT_EQ(refused(folder.path() / "file").code, Code::internal);
}

TEST(RocksStore, a_newer_format_is_refused_and_left_as_it_is) {
    const ScratchFolder folder;
    std::string newer;
    encode_id(kFormatVersion + 1, newer);
    ASSERT_EQ(opened(folder.path())->append(put(Table::meta, meta_key("format_version"), newer)), Outcome::durable);
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto error = refused(folder.path());
        EXPECT_EQ(error.code, Code::internal);
        EXPECT_NE(error.detail.find("has format 2, this version of madang knows 1: a newer madang wrote it"), std::string::npos)
            << error.detail;
    }
}

TEST(RocksStore, a_table_of_a_newer_version_is_refused_by_name) {
    const ScratchFolder folder;
    ASSERT_TRUE(opened(folder.path()));
    std::vector<std::string> names;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, folder.path().string(), &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const auto& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, folder.path().string(), families, &handles, &db).ok());
    rocksdb::ColumnFamilyHandle* added = nullptr;
    ASSERT_TRUE(db->CreateColumnFamily({}, "holograms", &added).ok());
    db->DestroyColumnFamilyHandle(added);
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
    delete db;
    EXPECT_NE(refused(folder.path()).detail.find("table 'holograms'"), std::string::npos);
}

TEST(RocksStore, flushed_data_with_a_flipped_bit_is_an_error_not_a_wrong_row) {
    const ScratchFolder folder;
    {
        const auto store = opened(folder.path());
        // More than the write buffers hold, so that much of it lies in table files.
        const std::string value(10'000, 'v');
        for (std::uint64_t batch_of = 0; batch_of < 40; ++batch_of) {
            Batch batch;
            for (std::uint64_t n = 1; n <= 100; ++n) batch.put(Table::message, Key(1, batch_of * 100 + n), value);
            ASSERT_EQ(store->append(batch), Outcome::durable);
        }
    }
    std::filesystem::path largest;
    for (const auto& file : std::filesystem::directory_iterator(folder.path()))
        if (file.path().extension() == ".sst" && (largest.empty() || file.file_size() > std::filesystem::file_size(largest)))
            largest = file.path();
    ASSERT_FALSE(largest.empty());
    flip_bit(largest, std::filesystem::file_size(largest) * 4);
    const auto store = opened(folder.path());
    ASSERT_TRUE(store);
    const std::string value(10'000, 'v');
    std::uint64_t wrong = 0;
    const auto scanned = store->scan(Table::message, Key(1), Key(2), Order::ascending, [&](std::string_view, std::string_view found) {
        wrong += found != value;
        return true;
    });
    EXPECT_EQ(wrong, 0u);
    ASSERT_FALSE(scanned);
    EXPECT_EQ(scanned.error().code, Code::internal);
    EXPECT_NE(scanned.error().detail.find(largest.filename().string()), std::string::npos) << scanned.error().detail;
}

// What lies in the folder of a store with rows in memory, in the log and in table files, when its process is killed.
void make_image(const std::filesystem::path& image) {
    const ScratchFolder origin;
    for (std::uint64_t round = 0; round < 2; ++round) {
        const auto store = opened(origin.path());
        for (std::uint64_t n = 1; n <= 20; ++n)
            ASSERT_EQ(store->append(put(Table::message, Key(1, round * 20 + n), std::string(1000, 'v'))), Outcome::durable);
        if (round == 1) std::filesystem::copy(origin.path(), image, std::filesystem::copy_options::recursive);
    }
}

TEST(RocksStore, a_flipped_bit_in_any_file_is_refused_or_costs_nothing) {
    const ScratchFolder image;
    make_image(image.path());
    std::uint64_t refusals = 0, seed = 1;
    for (const auto& file : std::filesystem::directory_iterator(image.path())) {
        if (file.file_size() == 0 || file.path().filename().string().starts_with("OPTIONS")) continue;
        for (int flip = 0; flip < 8; ++flip) {
            const ScratchFolder damaged;
            std::filesystem::copy(image.path(), damaged.path(), std::filesystem::copy_options::recursive);
            // Half of them where small files have all their bytes and logs their first ones.
            const auto range = flip % 2 ? file.file_size() : std::min<std::uintmax_t>(file.file_size(), 20'000);
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            flip_bit(damaged.path() / file.path().filename(), (seed >> 20) % (8 * range));
            const auto store = RocksStore::open({.path = damaged.path()});
            if (!store) {
                ++refusals;
                continue;
            }
            Rows rows;
            const auto scanned =
                (*store)->scan(Table::message, Key(1), Key(2), Order::ascending, [&](std::string_view key, std::string_view value) {
                    rows.emplace_back(key, value);
                    return true;
                });
            refusals += !scanned;
            for (const auto& [key, value] : rows) ASSERT_EQ(value, std::string(1000, 'v')) << file.path();
            ASSERT_TRUE(!scanned || rows.size() == 40) << file.path() << " has " << rows.size();
        }
    }
    EXPECT_GE(refusals, 4u) << "or no flip hit anything that counts";
}

TEST(RocksStore, a_store_that_lost_its_first_file_is_refused_and_not_made_anew) {
    const ScratchFolder image;
    make_image(image.path());
    const auto current = image.path() / "CURRENT";
    std::filesystem::rename(current, image.path() / "aside");
    EXPECT_NE(refused(image.path()).detail.find("has lost its file CURRENT"), std::string::npos);
    std::filesystem::rename(image.path() / "aside", current);
    EXPECT_EQ(rows_in(*opened(image.path()), Table::message, Key(1), Key(2)).size(), 40u);
}

TEST(RocksStore, below_the_floor_of_free_space_it_says_so_and_still_takes_what_is_under_way) {
    const ScratchFolder folder;
    ASSERT_EQ(opened(folder.path())->append(put(Table::message, Key(1, 1), "x")), Outcome::durable);
    auto store = RocksStore::open({.path = folder.path(), .free_bytes_floor = UINT64_MAX});
    ASSERT_TRUE(store) << store.error().detail;
    EXPECT_FALSE((*store)->has_space());
    EXPECT_TRUE((*store)->claim_all());
    EXPECT_EQ((*store)->append(put(Table::message, Key(1, 2), "y")), Outcome::durable);
    EXPECT_EQ(rows_in(**store, Table::message, Key(1), Key(2)).size(), 2u);
}

}  // namespace
}  // namespace madang::test
