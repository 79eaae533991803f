// The administration door: a Unix socket in the data folder that only the server's own user may open (mode 0600). And its client.
//
// Owner: Server. Thread: one of its own, which reads a command, runs it to its end and only then takes the next: others wait in the
// backlog. Limits: a client has kAdminPatience to send its line and to take each piece of an answer; without descriptors it tries again
// every kAdminPause. Errors: StartError from the
// constructor; a broken connection ends there.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "server/admin_protocol.hpp"

namespace madang::server {

inline constexpr std::chrono::seconds kAdminPatience{10};
inline constexpr std::chrono::milliseconds kAdminPause{100};

// A file descriptor that closes itself.
class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor();
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_;
};

class AdminSocket {
  public:
    // Runs on the socket's thread; a long command looks at `stop` now and then.
    using Handler = std::function<Result<>(const AdminCommand& command, const RowSink& rows, std::stop_token stop)>;
    AdminSocket(const std::string& data, Handler handler);
    // Stops, waits for the command that runs, and removes the socket's file.
    ~AdminSocket();
    AdminSocket(const AdminSocket&) = delete;
    AdminSocket& operator=(const AdminSocket&) = delete;

    // Takes no further command, and tells the one that runs. Any thread, idempotent.
    void stop();

  private:
    void run(std::stop_token stop);
    void serve(int client, std::stop_token stop) const;

    const std::string file_;
    const Handler handler_;
    Descriptor listener_;
    Descriptor wake_;  // an eventfd: written when it is to stop
    std::jthread thread_;
};

// Asks the server that runs on this data folder. Errors: unavailable with an empty detail (nobody serves it), else as the command's.
Result<> ask_admin(const std::string& data, const AdminCommand& command, const RowSink& rows);

}  // namespace madang::server
