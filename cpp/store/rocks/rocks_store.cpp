#include "store/rocks/rocks_store.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/write_batch.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"
#include "store/rocks/database_options.hpp"
#include "store/rocks/lock_file.hpp"
#include "store/rocks/log_check.hpp"

namespace madang {
namespace {

constexpr std::string_view kFormatRow = "format_version";

// RocksDB asserts that there is an address, also of nothing.
rocksdb::Slice slice(std::string_view bytes) { return {bytes.data() == nullptr ? "" : bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

// RocksDB counts every comparison of keys in thread-local figures that nobody reads here: a tenth of the work of an append.
void count_nothing() {
    static thread_local const bool done = (rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable), true);
    std::ignore = done;
}

std::unexpected<Error> refuse(const rocksdb::Status& status) { return fail(Code::internal, "store: " + status.ToString()); }

std::unexpected<Error> not_open() { return fail(Code::unavailable, "the store is not open again yet: its disk is full", Millis{1'000}); }

rocksdb::WriteOptions synced() {
    rocksdb::WriteOptions options;
    options.sync = true;
    return options;
}

Result<> make_folder(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::create_directories(path, error)) std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
    if (error) return fail(Code::internal, path.string() + ": " + error.message());
    return {};
}

// A log that was dropped as torn must not come back after the next power failure, when newer logs have been written.
Result<> sync_folder(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
    if (descriptor >= 0) ::close(descriptor);
    if (!synced) return fail(Code::internal, path.string() + ": cannot be synced");
    return {};
}

}  // namespace

struct RocksStore::Impl {
    Impl(RocksOptions given, LockFile taken) : options(std::move(given)), lock(std::move(taken)) {}
    ~Impl();

    Result<> open_database(LogEnd end);
    Result<> check_empty() const;
    Result<> check_tables(const rocksdb::DBOptions& db_options) const;
    Result<> check_format();
    Result<> load_epochs();
    void start_watch();
    void check_space();
    // After "no space" the database is closed and opened again. Its own Resume won't do: in 7.8 it waits for ever for a flush that failed
    // at the same time, or goes on with the log whose write has failed, which ends the process (facebook/rocksdb#8046, #12448).
    bool reopen();
    // Opening writes what the logs hold into tables and begins new logs.
    std::uint64_t room_to_reopen() const { return 4 * options.write_buffer_bytes; }
    void close_database();
    Result<> write_epochs(Slot from, unsigned count, Epoch epoch);
    std::unique_ptr<rocksdb::WriteBatch> take_buffer();
    void give_buffer(std::unique_ptr<rocksdb::WriteBatch> buffer);
    rocksdb::ColumnFamilyHandle* family(Table table) const { return families[static_cast<std::size_t>(table)]; }
    bool fenced(const Batch& batch) const {
        return std::ranges::any_of(batch.fences(), [&](const Fence& fence) { return epochs[fence.slot] != fence.epoch; });
    }

    const RocksOptions options;
    const LockFile lock;
    const rocksdb::WriteOptions write_options = synced();
    std::unique_ptr<rocksdb::Env> environment = make_environment();
    std::unique_ptr<rocksdb::DB> db;
    std::array<rocksdb::ColumnFamilyHandle*, kTables> families{};

    // Reads and appends share it. A claim has it alone, so no append under an old epoch is on its way; so has who closes the database.
    mutable std::shared_mutex in_use;
    std::array<Epoch, kSlots> epochs{};

    std::mutex buffers_mutex;
    std::vector<std::unique_ptr<rocksdb::WriteBatch>> buffers;  // as many as appends ran at once

    std::atomic<bool> failed{false};
    std::atomic<bool> stalled{false};  // the device said "no space"; the database takes nothing until it is resumed
    std::atomic<bool> has_space{true};
    std::mutex watch_mutex;
    std::condition_variable watch_wakes;
    bool stopping = false;
    std::thread watch;
};

RocksStore::Impl::~Impl() {
    {
        const std::scoped_lock guard(watch_mutex);
        stopping = true;
    }
    watch_wakes.notify_all();
    if (watch.joinable()) watch.join();
    close_database();
}

void RocksStore::Impl::close_database() {
    for (auto*& handle : families)
        if (auto* closing = std::exchange(handle, nullptr)) db->DestroyColumnFamilyHandle(closing);
    if (db) std::ignore = db->Close();
    db.reset();
}

bool RocksStore::Impl::reopen() {
    const std::unique_lock alone(in_use);
    if (failed) return false;
    close_database();
    const auto end = check_logs(options.path);
    const auto opened = end ? open_database(*end) : Result<>(std::unexpected(end.error()));
    if (opened) return true;
    close_database();
    if (opened.error().code == Code::storage_full) return false;  // no room after all: tried again
    log(LogLevel::error, "store could not be opened again after the disk was full",
        {{"path", options.path.string()}, {"error", opened.error().detail}});
    failed = true;
    return false;
}

// A visitor of a scan may read: its thread has the lock already, and to take it twice could wait for somebody who waits for the first.
class RocksStore::Use {
  public:
    explicit Use(const Impl& impl) : is_first_(using_ != &impl) {
        if (!is_first_) return;
        lock_ = std::shared_lock(impl.in_use);
        outer_ = std::exchange(using_, &impl);
    }
    ~Use() {
        if (is_first_) using_ = outer_;
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

  private:
    static thread_local const Impl* using_;
    const bool is_first_;
    const Impl* outer_ = nullptr;
    std::shared_lock<std::shared_mutex> lock_;
};
thread_local const RocksStore::Impl* RocksStore::Use::using_ = nullptr;

// RocksDB would make a new database over one that lost its first file, and delete the old one's rows.
Result<> RocksStore::Impl::check_empty() const {
    std::error_code error;
    for (std::filesystem::directory_iterator file(options.path, error), end; !error && file != end; file.increment(error))
        if (const auto kind = file->path().extension(); kind == ".sst" || kind == ".log")
            return fail(Code::internal, "the store " + options.path.string() + " has lost its file CURRENT; restore a backup, or the file");
    if (error) return fail(Code::internal, options.path.string() + ": " + error.message());
    return {};
}

Result<> RocksStore::Impl::check_tables(const rocksdb::DBOptions& db_options) const {
    std::vector<std::string> found;
    const auto status = rocksdb::DB::ListColumnFamilies(db_options, options.path.string(), &found);
    if (!status.ok()) return refuse(status);
    for (const auto& name : found) {
        bool known = false;
        for (std::size_t i = 0; i < kTables; ++i) known |= family_of(static_cast<Table>(i)) == name;
        if (!known)
            return fail(Code::internal, "the store " + options.path.string() + " has the table '" + name +
                                            "', which this version of madang does not know: it was written by a newer one");
    }
    return {};
}

Result<> RocksStore::Impl::open_database(LogEnd end) {
    auto db_options = database_options(options, *environment);
    const bool is_new = !std::filesystem::exists(options.path / "CURRENT");
    if (const auto sound = is_new ? check_empty() : check_tables(db_options); !sound) return sound;
    if (end == LogEnd::torn) db_options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;

    const auto cache = rocksdb::NewLRUCache(options.cache_bytes, 2);
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (std::size_t i = 0; i < kTables; ++i) {
        const auto table = static_cast<Table>(i);
        descriptors.emplace_back(family_of(table), table_options(table, options, cache));
    }
    // A new store's tables are made in one go: one by one they would cost a dozen syncs each.
    const auto later = is_new ? std::vector(descriptors.begin() + 1, descriptors.end()) : std::vector<rocksdb::ColumnFamilyDescriptor>{};
    descriptors.resize(descriptors.size() - later.size());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    auto status = rocksdb::DB::Open(db_options, options.path.string(), descriptors, &handles, &opened);
    db.reset(opened);
    std::ranges::copy(handles, families.begin());
    if (status.ok() && is_new) {
        std::vector<rocksdb::ColumnFamilyHandle*> created;
        status = db->CreateColumnFamilies(later, &created);
        std::ranges::copy(created, families.begin() + static_cast<std::ptrdiff_t>(handles.size()));
    }
    if (!status.ok())
        return fail(status.IsNoSpace() ? Code::storage_full : Code::internal,
                    "the store " + options.path.string() + " can't be opened: " + status.ToString());
    if (end == LogEnd::clean) return {};
    log(LogLevel::warn, "store recovered from a cut-off log; what was acknowledged is there", {{"path", options.path.string()}});
    return sync_folder(options.path);
}

Result<> RocksStore::Impl::check_format() {
    std::string value;
    const auto key = meta_key(kFormatRow);
    auto status = db->Get({}, family(Table::meta), slice(key), &value);
    if (status.ok()) {
        const auto version = decode_id(value);
        if (version && *version == kFormatVersion) return {};
        const auto found = version ? std::to_string(*version) : "of an unknown kind";
        return fail(Code::internal, "the store " + options.path.string() + " has format " + found + ", this version of madang knows " +
                                        std::to_string(kFormatVersion) + ": a newer madang wrote it");
    }
    if (!status.IsNotFound()) return refuse(status);
    encode_id(kFormatVersion, value);
    status = db->Put(write_options, family(Table::meta), slice(key), slice(value));
    if (!status.ok()) return refuse(status);
    return {};
}

Result<> RocksStore::Impl::load_epochs() {
    const std::unique_ptr<rocksdb::Iterator> row(db->NewIterator({}, family(Table::epoch)));
    for (row->SeekToFirst(); row->Valid(); row->Next()) {
        const auto epoch = decode_id(view(row->value()));
        if (!epoch) return std::unexpected(epoch.error());
        if (row->key().size() != 8 || id_in(view(row->key())) >= kSlots) return fail(Code::internal, "damaged record: key of an epoch");
        epochs[id_in(view(row->key()))] = *epoch;
    }
    if (!row->status().ok()) return refuse(row->status());
    return {};
}

void RocksStore::Impl::check_space() {
    struct statvfs facts{};
    if (::statvfs(options.path.c_str(), &facts) != 0) return;  // it was there a second ago; keep the last answer
    const std::uint64_t free_bytes = std::uint64_t{facts.f_bavail} * facts.f_frsize;
    bool enough = free_bytes >= options.free_bytes_floor;
    if (enough && stalled) {
        if (free_bytes >= room_to_reopen() && reopen())
            stalled = false;
        else
            enough = false;
    }
    if (has_space.exchange(enough) == enough) return;
    if (enough)
        log(LogLevel::info, "store has space again", {{"path", options.path.string()}, {"free_bytes", free_bytes}});
    else
        log(LogLevel::error, "store lacks space and refuses to write",
            {{"path", options.path.string()}, {"free_bytes", free_bytes}, {"floor_bytes", options.free_bytes_floor}});
}

void RocksStore::Impl::start_watch() {
    check_space();
    watch = std::thread([this] {
        std::unique_lock guard(watch_mutex);
        while (!watch_wakes.wait_for(guard, kSpaceCheck, [this] { return stopping; })) check_space();
    });
}

std::unique_ptr<rocksdb::WriteBatch> RocksStore::Impl::take_buffer() {
    const std::scoped_lock guard(buffers_mutex);
    if (buffers.empty()) return std::make_unique<rocksdb::WriteBatch>();
    auto buffer = std::move(buffers.back());
    buffers.pop_back();
    return buffer;
}

void RocksStore::Impl::give_buffer(std::unique_ptr<rocksdb::WriteBatch> buffer) {
    buffer->Clear();
    const std::scoped_lock guard(buffers_mutex);
    buffers.push_back(std::move(buffer));
}

Result<> RocksStore::Impl::write_epochs(Slot from, unsigned count, Epoch epoch) {
    if (failed) return fail(Code::internal, "the store has failed");
    if (!db) return not_open();
    rocksdb::WriteBatch rows;
    std::string value;
    encode_id(epoch, value);
    for (unsigned slot = from; slot < from + count; ++slot)
        rows.Put(family(Table::epoch), slice(epoch_key(static_cast<Slot>(slot))), slice(value));
    const auto status = db->Write(write_options, &rows);
    if (!status.ok()) return refuse(status);
    std::fill_n(epochs.begin() + from, count, epoch);
    return {};
}

RocksStore::RocksStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksStore::~RocksStore() = default;

Result<std::unique_ptr<RocksStore>> RocksStore::open(const RocksOptions& options) {
    if (const auto made = make_folder(options.path); !made) return std::unexpected(made.error());
    auto lock = LockFile::take(options.path);
    if (!lock) return std::unexpected(lock.error());
    const auto end = check_logs(options.path);
    if (!end) return std::unexpected(end.error());

    auto impl = std::make_unique<Impl>(options, std::move(*lock));
    auto ready = impl->open_database(*end);
    if (ready) ready = impl->check_format();
    if (ready) ready = impl->load_epochs();
    if (!ready) return std::unexpected(ready.error());
    impl->start_watch();
    return std::unique_ptr<RocksStore>(new RocksStore(std::move(impl)));
}

Result<Epoch> RocksStore::claim(Slot slot) {
    MADANG_ASSERT(slot < kSlots);
    const std::unique_lock alone(impl_->in_use);
    const Epoch epoch = impl_->epochs[slot] + 1;
    if (const auto written = impl_->write_epochs(slot, 1, epoch); !written) return std::unexpected(written.error());
    return epoch;
}

Result<Epoch> RocksStore::claim_all() {
    const std::unique_lock alone(impl_->in_use);
    const Epoch epoch = *std::ranges::max_element(impl_->epochs) + 1;
    if (const auto written = impl_->write_epochs(0, kSlots, epoch); !written) return std::unexpected(written.error());
    return epoch;
}

Outcome RocksStore::append(const Batch& batch) {
    count_nothing();
    const Use use(*impl_);
    if (impl_->failed) return Outcome::failed;
    if (impl_->fenced(batch)) return Outcome::fenced;
    if (impl_->stalled) return Outcome::full;

    auto rows = impl_->take_buffer();
    batch.for_each([&](const Batch::Row& row) {
        auto* family = impl_->family(row.table);
        if (row.erase)
            rows->Delete(family, slice(row.key));
        else
            rows->Put(family, slice(row.key), slice(row.value));
    });
    const auto status = impl_->db->Write(impl_->write_options, rows.get());
    impl_->give_buffer(std::move(rows));
    if (status.ok()) return Outcome::durable;

    log(LogLevel::error, "store could not write", {{"path", impl_->options.path.string()}, {"error", status.ToString()}});
    if (status.IsNoSpace()) {
        impl_->stalled = true;
        return Outcome::full;
    }
    impl_->failed = true;
    return Outcome::failed;
}

Result<std::optional<std::string>> RocksStore::get(Table table, std::string_view key) const {
    count_nothing();
    const Use use(*impl_);
    if (!impl_->db) return not_open();
    std::string value;
    const auto status = impl_->db->Get({}, impl_->family(table), slice(key), &value);
    if (status.ok()) return value;
    if (status.IsNotFound()) return std::nullopt;
    return refuse(status);
}

Result<> RocksStore::scan(Table table, std::string_view from, std::string_view to, Order order, const Visitor& visit) const {
    if (from >= to) return {};
    count_nothing();
    const Use use(*impl_);
    if (!impl_->db) return not_open();
    const auto lower = slice(from);
    const auto upper = slice(to);
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &lower;
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> row(impl_->db->NewIterator(options, impl_->family(table)));
    if (order == Order::ascending)
        for (row->Seek(lower); row->Valid() && visit(view(row->key()), view(row->value()));) row->Next();
    else
        for (row->SeekToLast(); row->Valid() && visit(view(row->key()), view(row->value()));) row->Prev();
    if (!row->status().ok()) return refuse(row->status());
    return {};
}

bool RocksStore::has_space() const { return impl_->has_space && !impl_->stalled; }

}  // namespace madang
