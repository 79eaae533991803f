#include "store/rocks/database_options.hpp"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include "base/log.hpp"

namespace madang {
namespace {

constexpr std::uint64_t kLogBytesMax = 48 << 20;  // of all logs together; then the oldest table is flushed. Bounds the time of a restart
constexpr int kOpenFilesMax = 256;
constexpr std::size_t kIdBytes = 8;

// A log that already has its size needs no new size on disk at each sync: a quarter of the sync's cost.
class SizedLogFileSystem final : public rocksdb::FileSystemWrapper {
  public:
    SizedLogFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
    const char* Name() const override { return "SizedLogFileSystem"; }
    rocksdb::FileOptions OptimizeForLogWrite(const rocksdb::FileOptions& file, const rocksdb::DBOptions& database) const override {
        auto options = target()->OptimizeForLogWrite(file, database);
        options.fallocate_with_keep_size = false;
        return options;
    }
};

// Its messages go to the log of the process. Not to a file of its own: on a full disk the second line that fails to be written ends the
// process (an assertion that Debian's build keeps).
class LogForwarder final : public rocksdb::Logger {
  public:
    LogForwarder() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
    using Logger::Logv;
    void Logv(const char* format, va_list arguments) override { Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments); }
    void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
        if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
        std::array<char, 1024> text;
        std::vsnprintf(text.data(), text.size(), format, arguments);
        log(level == rocksdb::InfoLogLevel::WARN_LEVEL ? LogLevel::warn : LogLevel::error, "rocksdb", {{"message", text.data()}});
    }
    void LogHeader(const char*, va_list) override {}
};

// After "no space" RocksDB would look again every five seconds, and nobody else could meanwhile. The store looks every second itself.
class NoRecoveryOfItsOwn final : public rocksdb::EventListener {
  public:
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override { *auto_recovery = false; }
};

// Tables asked for single keys that are mostly not there.
bool wants_filter(Table table) {
    return table == Table::send_key || table == Table::creation_key || table == Table::name || table == Table::pair ||
           table == Table::relation || table == Table::account;
}

}  // namespace

std::unique_ptr<rocksdb::Env> make_environment() { return rocksdb::NewCompositeEnv(std::make_shared<SizedLogFileSystem>()); }

rocksdb::DBOptions database_options(const RocksOptions& options, rocksdb::Env& environment) {
    rocksdb::DBOptions db;
    db.env = &environment;
    db.create_if_missing = true;
    db.create_missing_column_families = true;
    db.paranoid_checks = true;
    // The default mode stops quietly at a damaged record, and with it acknowledged messages would be gone without an error.
    db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    db.allow_concurrent_memtable_write = false;  // the insert hint of the tables needs it
    db.max_bgerror_resume_count = 0;             // nobody goes on after a failed sync
    db.listeners.push_back(std::make_shared<NoRecoveryOfItsOwn>());
    db.db_write_buffer_size = options.write_buffer_bytes;
    db.max_total_wal_size = kLogBytesMax;
    db.max_open_files = kOpenFilesMax;
    db.max_background_jobs = 2;
    db.info_log = std::make_shared<LogForwarder>();
    db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    db.stats_dump_period_sec = 0;
    db.stats_persist_period_sec = 0;
    return db;
}

rocksdb::ColumnFamilyOptions table_options(Table table, const RocksOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = std::max<std::size_t>(options.write_buffer_bytes / 2, 1 << 20);
    family.max_write_buffer_number = 4;  // room while one is flushed; together they stay under the bound of the database
    family.arena_block_size = 64 << 10;
    // Keys are (id, rising number): the last place of an id is nearly always the next one, too. A send key's number is its sender's.
    const auto hint_bytes = table == Table::send_key ? 2 * kIdBytes : kIdBytes;
    family.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(hint_bytes));
    family.compression = rocksdb::kNoCompression;
    family.level_compaction_dynamic_level_bytes = true;

    rocksdb::BlockBasedTableOptions blocks;
    blocks.block_cache = cache;
    blocks.cache_index_and_filter_blocks = true;
    blocks.pin_l0_filter_and_index_blocks_in_cache = true;
    blocks.format_version = 5;
    if (wants_filter(table)) {
        blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
        family.memtable_whole_key_filtering = true;
        family.memtable_prefix_bloom_size_ratio = 0.1;
    }
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
    return family;
}

std::string family_of(Table table) { return table == Table::meta ? rocksdb::kDefaultColumnFamilyName : std::string(name_of(table)); }

}  // namespace madang
