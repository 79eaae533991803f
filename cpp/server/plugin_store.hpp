// What one plugin keeps: names and values in the server's own store, durable when put() returns. Values are the plugin's business.
//
// Owner: the plugin host, which closes it before the store goes. Thread: any; changes of one plugin are serialised, each waits for its
// synced write. Limits: keys of 1 to kPluginKeyBytes, values of kPluginValueBytes, kPluginStoreBytes of both in all. Errors: bad_request
// (a limit; nothing has changed), storage_full, unavailable (closed, or the write is still in doubt: it may be there or come), internal.
#pragma once

#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"

namespace madang::server {

inline constexpr std::size_t kPluginKeyBytes = 512;
inline constexpr std::size_t kPluginValueBytes = 256 << 10;
inline constexpr std::size_t kPluginStoreBytes = 64 << 20;

class PluginStore {
  public:
    explicit PluginStore(std::string plugin) : plugin_(std::move(plugin)) {}

    void open(Store& store, Epoch epoch);
    void close();

    Result<std::optional<std::string>> get(std::string_view key) const;
    Result<> put(std::string_view key, std::string_view value);
    // False: there was none.
    Result<bool> erase(std::string_view key);
    // In order of their bytes, those that begin with `prefix` and come after `after`, at most `limit`.
    using Rows = std::vector<std::pair<std::string, std::string>>;
    Result<Rows> scan(std::string_view prefix, std::string_view after, std::size_t limit) const;

  private:
    Result<std::size_t> size() const;  // of all keys and values
    Result<> write(const Batch& batch);

    const std::string plugin_;
    mutable std::shared_mutex open_;  // shared by calls, alone by open() and close()
    std::mutex changing_;
    Store* store_ = nullptr;
    Epoch epoch_ = 0;
    std::optional<std::size_t> bytes_;  // counted at the first change
};

}  // namespace madang::server
