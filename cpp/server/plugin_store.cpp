#include "server/plugin_store.hpp"

#include <algorithm>

#include "store/feed_records.hpp"

namespace madang::server {
namespace {

constexpr Slot kPluginSlot = 0;  // what plugins keep belongs to no slot in particular
constexpr int kWriteTries = 3;   // of a batch in doubt

std::unexpected<Error> closed() { return fail(Code::unavailable, "the server isn't running, so a plugin's store can't be used"); }

}  // namespace

void PluginStore::open(Store& store, Epoch epoch) {
    const std::unique_lock lock{open_};
    store_ = &store, epoch_ = epoch;
    bytes_.reset();
}

void PluginStore::close() {
    const std::unique_lock lock{open_};
    store_ = nullptr;
}

Result<std::optional<std::string>> PluginStore::get(std::string_view key) const {
    const std::shared_lock lock{open_};
    if (store_ == nullptr) return closed();
    return store_->get(Table::plugin_store, plugin_store_key(plugin_, key));
}

Result<> PluginStore::put(std::string_view key, std::string_view value) {
    if (key.empty() || key.size() > kPluginKeyBytes)
        return fail(Code::bad_request, "a key has 1 to " + std::to_string(kPluginKeyBytes) + " bytes, not " + std::to_string(key.size()));
    if (value.size() > kPluginValueBytes)
        return fail(Code::bad_request,
                    "a value has at most " + std::to_string(kPluginValueBytes) + " bytes, not " + std::to_string(value.size()));
    const std::shared_lock lock{open_};
    if (store_ == nullptr) return closed();
    const std::lock_guard alone{changing_};
    const auto stored_key = plugin_store_key(plugin_, key);
    const auto before = store_->get(Table::plugin_store, stored_key);
    if (!before) return std::unexpected(before.error());
    const auto all = size();
    if (!all) return std::unexpected(all.error());
    const auto freed = *before ? key.size() + (*before)->size() : 0;
    const auto after = *all - std::min(*all, freed) + key.size() + value.size();
    if (after > kPluginStoreBytes)
        return fail(Code::bad_request, "a plugin's store has room for " + std::to_string(kPluginStoreBytes) + " bytes in all");
    Batch batch;
    batch.put(Table::plugin_store, stored_key, value);
    if (const auto written = write(batch); !written) return written;
    bytes_ = after;
    return {};
}

Result<bool> PluginStore::erase(std::string_view key) {
    const std::shared_lock lock{open_};
    if (store_ == nullptr) return closed();
    const std::lock_guard alone{changing_};
    const auto stored_key = plugin_store_key(plugin_, key);
    const auto before = store_->get(Table::plugin_store, stored_key);
    if (!before) return std::unexpected(before.error());
    if (!*before) return false;
    Batch batch;
    batch.erase(Table::plugin_store, stored_key);
    if (const auto written = write(batch); !written) return std::unexpected(written.error());
    if (bytes_) *bytes_ -= std::min(*bytes_, key.size() + (*before)->size());
    return true;
}

Result<PluginStore::Rows> PluginStore::scan(std::string_view prefix, std::string_view after, std::size_t limit) const {
    const std::shared_lock lock{open_};
    if (store_ == nullptr) return closed();
    Rows rows;
    const auto from = after.empty() ? plugin_store_key(plugin_, prefix) : plugin_store_key(plugin_, after) + '\0';
    const auto read = store_->scan(Table::plugin_store, from, plugin_store_end(plugin_, prefix), Order::ascending,
                                   [&](std::string_view key, std::string_view value) {
                                       rows.emplace_back(key_in_plugin_store(plugin_, key), value);
                                       return rows.size() < limit;
                                   });
    if (!read) return std::unexpected(read.error());
    return rows;
}

Result<std::size_t> PluginStore::size() const {
    if (bytes_) return *bytes_;
    std::size_t bytes = 0;
    const auto read = store_->scan(Table::plugin_store, plugin_store_key(plugin_, {}), plugin_store_end(plugin_, {}), Order::ascending,
                                   [&](std::string_view key, std::string_view value) {
                                       bytes += key_in_plugin_store(plugin_, key).size() + value.size();
                                       return true;
                                   });
    if (!read) return std::unexpected(read.error());
    return bytes;
}

Result<> PluginStore::write(const Batch& batch) {
    auto fenced = batch;
    fenced.fence(kPluginSlot, epoch_);
    for (int tries = 0; tries < kWriteTries; ++tries) {
        switch (store_->append(fenced)) {
            case Outcome::durable: return {};
            case Outcome::in_doubt: continue;
            case Outcome::full: return fail(Code::storage_full, "the disk is full");
            case Outcome::fenced:
            case Outcome::failed: return fail(Code::unavailable, "the store takes no writes any more");
        }
    }
    return fail(Code::unavailable, "the store can't tell whether the write is durable");
}

}  // namespace madang::server
