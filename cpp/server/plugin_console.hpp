// The operator's door to whoever runs the plugins: an order goes in (reload), its outcome comes back. Beside the mailbox, because an order
// waits for imports and set-ups, and calls must not.
//
// Owner: PluginHost, which the consumer shares. Thread: ask and tell any but a loop's; take and answer the consumer's. Limits: kOrdersMax
// wait, one more is refused; an order that isn't answered within kOrderPatience has failed. Errors: unavailable (too many, too late, or
// closed), else the consumer's. After close() the descriptor stays readable.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "server/admin_protocol.hpp"

namespace madang::server {

inline constexpr std::size_t kOrdersMax = 16;
inline constexpr std::chrono::seconds kOrderPatience{120};

struct PluginOrder {
    std::uint64_t number = 0;  // 0 = nobody waits for the outcome
    std::string command;
    Fields args;
};

class PluginConsole {
  public:
    using Rows = std::vector<Fields>;

    explicit PluginConsole(std::chrono::milliseconds patience = kOrderPatience);
    ~PluginConsole();
    PluginConsole(const PluginConsole&) = delete;
    PluginConsole& operator=(const PluginConsole&) = delete;

    // Blocks until it is answered.
    Result<Rows> ask(std::string command, Fields args, std::stop_token stop);
    // Nobody waits: a signal. False: no room.
    bool tell(std::string command);

    // Readable while orders wait, and for ever after close().
    int descriptor() const { return descriptor_; }
    std::vector<PluginOrder> take();
    void answer(std::uint64_t number, Result<Rows> outcome);

    void close();

  private:
    bool put(PluginOrder order);

    const std::chrono::milliseconds patience_;
    const int descriptor_;
    std::mutex mutex_;
    std::condition_variable_any answered_;
    std::deque<PluginOrder> orders_;
    std::map<std::uint64_t, Result<Rows>> outcomes_;
    std::set<std::uint64_t> waiting_;  // whose askers are still there
    std::uint64_t next_ = 1;
    bool closed_ = false;
};

}  // namespace madang::server
