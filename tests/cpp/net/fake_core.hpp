// A server for tests: a Listener on real loopback sockets over a Core that answers what the test says, on a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "net/listener.hpp"
#include "net/token.hpp"

namespace madang::net::test {

using namespace std::chrono_literals;
inline constexpr auto kDeadline = 10s;  // of every wait: reached only by a failing test

class FakeDiscovery final : public Discovery {
  public:
    std::vector<ServerAddress> servers(std::string_view region) const override {
        return {{"http://chat.example:1", std::string(region), 0.25}};
    }
};

// One loop: thread, turns, and the core on it. What the test may touch from its own thread is under the mutex.
class FakeCore final : public Core {
  public:
    // None: the answer is held back until release().
    using Answers = std::function<std::optional<Result<Response>>(const Request&)>;

    explicit FakeCore(Limits limits);
    ~FakeCore() override;

    void run();
    void stop();
    boost::asio::io_context& context() { return context_; }
    // Runs on the loop, and waits for it.
    void on_loop(std::function<void()> job);

    void set_answers(Answers answers);
    // Waits until a request of this kind was submitted, counting from the first; answers a copy.
    template <typename T>
    T wait_for(std::size_t nth = 1) {
        std::unique_lock lock{mutex_};
        std::optional<T> found;
        changed_.wait_for(lock, kDeadline, [&] {
            std::size_t seen = 0;
            for (const auto& request : requests_)
                if (const auto* typed = std::get_if<T>(&request); typed && ++seen == nth) found = *typed;
            return found.has_value();
        });
        if (!found) throw std::runtime_error("the request never came");
        return *found;
    }
    template <typename T>
    std::size_t count() {
        const std::lock_guard lock{mutex_};
        std::size_t seen = 0;
        for (const auto& request : requests_) seen += std::holds_alternative<T>(request);
        return seen;
    }
    // Answers everything that was held back; says how much it was.
    std::size_t release(std::function<Result<Response>(const Request&)> answer);
    std::size_t held();
    // The sink of the n-th session opened; call it on the loop only.
    SessionSink& sink(std::size_t nth = 1);
    std::size_t open_sessions();

    std::uint64_t submit(Request request, OnReply on_reply) override;
    SessionId open_session(SessionSink& sink) override;
    void close_session(SessionId session) override;
    void hash_password(std::string password, OnHash on_hash) override;
    void verify_password(std::string password, std::string hash, OnVerified on_verified) override;
    void identify(std::string credentials, OnIdentified on_identified) override;
    void at_turn_end(std::move_only_function<void()> write) override { turn_end_.push_back(std::move(write)); }
    const Limits& limits() const override { return limits_; }
    const Clock& clock() const override { return clock_; }
    const Discovery& discovery() const override { return discovery_; }
    std::string metrics() const override { return "madang_up 1\n"; }
    bool is_ready() const override { return is_ready_; }

    std::atomic<bool> is_ready_{true};

  private:
    struct Held {
        Request request;
        OnReply on_reply;
    };

    void take_turns();
    void end_turn();

    Limits limits_;
    SystemClock clock_;
    FakeDiscovery discovery_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
    std::vector<std::move_only_function<void()>> turn_end_;
    std::thread thread_;

    std::mutex mutex_;
    std::condition_variable changed_;
    Answers answers_;
    std::vector<Request> requests_;
    std::vector<Held> held_;
    std::vector<SessionSink*> sinks_;  // null once closed
};

// Listener and loops. Every token of `token_of` is good while `answers` come from `usual_answers`.
class FakeServer {
  public:
    explicit FakeServer(Limits limits = {}, ListenOptions options = {}, std::size_t loops = 1);
    ~FakeServer();

    FakeCore& core(std::size_t loop = 0) { return *cores_[loop]; }
    Listener& listener() { return *listener_; }
    std::uint16_t port() const { return port_; }
    void stop_loops();

  private:
    std::vector<std::unique_ptr<FakeCore>> cores_;
    std::unique_ptr<Listener> listener_;
    std::uint16_t port_ = 0;
};

inline const UserId kUser{4'096 * 7};  // slot 0
inline const DeviceId kDevice{3};
std::string token_of(UserId user, DeviceId device = kDevice);
Account account_of(UserId user, const std::string& username);
EntryPtr message_entry(Seq seq, std::string text);
// Answers that fit each kind of request: everybody exists, everything works.
Result<Response> usual_answer(const Request& request);

// Waits until `condition` holds, looking again and again; false at the deadline.
bool eventually(const std::function<bool()>& condition);

}  // namespace madang::net::test
