// Between the engines' loops and the thread that runs the plugins: calls go in, answers come back. A call is a value; nothing in here knows
// Python, and no thread of a loop ever waits for it.
//
// Calls: any loop posts what its turn has for plugins, all at once; the consumer's descriptor is written once when the mailbox was empty.
// It stays readable while calls remain. Answers: the consumer's threads give many at once; each loop concerned gets them in one post.
//
// Owner: the plugin host; shared with the consumer, which may outlive the server. Thread: post and answer any; drain one consumer at a
// time. Limits: kMailboxCalls and kMailboxBytes of calls that have not been drained; beyond it post takes no more and says so. Errors:
// after close() post takes nothing, answers are dropped, and the descriptor stays readable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <variant>
#include <vector>

#include "hooks/committed.hpp"
#include "hooks/push.hpp"
#include "hooks/verdict.hpp"

namespace madang {

inline constexpr std::size_t kMailboxCalls = 16'384;
inline constexpr std::size_t kMailboxBytes = 64 << 20;

struct HookCall {
    std::uint32_t loop = 0;    // who asks
    std::uint32_t plugin = 0;  // whom, in configured order
    std::variant<CheckCall, IdentityCall, CommittedCall, PushCall> what;
    std::chrono::steady_clock::time_point posted{};  // set by post

    std::size_t bytes() const {
        return std::visit([](const auto& call) { return call.bytes(); }, what);
    }
};

struct HookAnswer {
    std::uint32_t loop = 0;
    std::uint64_t number = 0;
    std::variant<Verdict, IdentityAnswer, CommittedAnswer, Delivered> what;
};

struct MailboxFigures {
    std::uint64_t posted = 0, refused = 0, wake_ups = 0;
    std::size_t waiting = 0, waiting_bytes = 0;
};

class Mailbox {
  public:
    // Called by answer(), on its thread; gets what is for one loop.
    using Deliver = std::function<void(std::uint32_t loop, std::vector<HookAnswer> answers)>;

    explicit Mailbox(Deliver deliver, std::size_t calls_max = kMailboxCalls, std::size_t bytes_max = kMailboxBytes);
    ~Mailbox();
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    // Takes them from the front while there is room: how many. The others are as they were.
    std::size_t post(std::span<HookCall> calls);

    // Readable while there is something to drain, and for ever after close().
    int descriptor() const { return descriptor_; }
    // The oldest calls, at most `max`.
    std::vector<HookCall> drain(std::size_t max);
    void answer(std::vector<HookAnswer> answers);

    void close();
    bool is_closed() const;
    MailboxFigures figures() const;

  private:
    const std::size_t calls_max_, bytes_max_;
    const int descriptor_;
    mutable std::mutex mutex_;
    std::deque<HookCall> calls_;
    MailboxFigures figures_;
    bool closed_ = false;
    std::mutex deliver_mutex_;  // held while delivering: after close() nothing is delivered any more
    Deliver deliver_;
};

}  // namespace madang
