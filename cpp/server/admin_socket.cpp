#include "server/admin_socket.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/runtime.hpp"
#include "server/signals.hpp"

namespace madang::server {
namespace {

constexpr int kBacklog = 16;
constexpr std::size_t kPieceBytes = 32 << 10;

// A socket's path has 107 characters at most, a data folder's may have more: reach it through the folder's descriptor.
class SocketPath {
  public:
    explicit SocketPath(const std::string& data) : folder_(open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
        address_.sun_family = AF_UNIX;
        const auto path = "/proc/self/fd/" + std::to_string(folder_.get()) + "/" + std::string{kAdminSocketName};
        std::memcpy(address_.sun_path, path.c_str(), path.size() + 1);
    }
    const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
    const char* path() const { return address_.sun_path; }
    static socklen_t size() { return sizeof(sockaddr_un); }

  private:
    Descriptor folder_;
    sockaddr_un address_{};
};

Descriptor unix_socket() { return Descriptor{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}; }

void set_patience(int fd) {
    const timeval patience{.tv_sec = kAdminPatience.count(), .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// Lines as they arrive.
class LineReader {
  public:
    LineReader(int fd, std::size_t line_max) : fd_(fd), line_max_(line_max) {}

    // None: closed, too slow or too long.
    std::optional<std::string> next() {
        std::size_t seen = 0;
        while (true) {
            if (const auto end = bytes_.find('\n', seen); end != std::string::npos) {
                auto line = bytes_.substr(0, end);
                bytes_.erase(0, end + 1);
                return line;
            }
            seen = bytes_.size();
            if (seen > line_max_) return std::nullopt;
            bytes_.resize(seen + kPieceBytes);
            const auto got = recv(fd_, bytes_.data() + seen, kPieceBytes, 0);
            bytes_.resize(seen + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
            if (got == 0 || (got < 0 && errno != EINTR)) return std::nullopt;
        }
    }

  private:
    int fd_;
    std::size_t line_max_;
    std::string bytes_;
};

}  // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) close(fd_);
}

AdminSocket::AdminSocket(const std::string& data, Handler handler)
    : file_(std::filesystem::path{data} / kAdminSocketName),
      handler_(std::move(handler)),
      listener_(unix_socket()),
      wake_(eventfd(0, EFD_CLOEXEC)) {
    const SocketPath path{data};
    unlink(path.path());  // of a process that died: the store's lock says that we are alone
    // Closed to others before anyone can connect: that takes listen().
    if (!listener_ || !wake_ || bind(listener_.get(), path.address(), SocketPath::size()) != 0 ||
        chmod(path.path(), S_IRUSR | S_IWUSR) != 0 || listen(listener_.get(), kBacklog) != 0) {
        throw StartError("administration socket " + file_ + ": " + std::strerror(errno));
    }
    const BlockedSignals blocked;
    thread_ = std::jthread{[this](std::stop_token stop) { run(std::move(stop)); }};
}

void AdminSocket::stop() {
    thread_.request_stop();
    eventfd_write(wake_.get(), 1);
}

AdminSocket::~AdminSocket() {
    stop();
    thread_.join();
    unlink(file_.c_str());
}

void AdminSocket::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        pollfd waits[] = {{.fd = listener_.get(), .events = POLLIN, .revents = 0}, {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
        if (poll(waits, 2, -1) < 0 || waits[0].revents == 0) continue;
        const Descriptor client{accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (client) {
            serve(client.get(), stop);
        } else {
            poll(&waits[1], 1, static_cast<int>(kAdminPause.count()));  // it stays in the backlog, and poll would say so at once
        }
    }
}

void AdminSocket::serve(int client, std::stop_token stop) const {
    set_patience(client);
    const auto line = LineReader{client, kAdminLineMax}.next();
    if (!line) return;
    auto fields = admin_fields(*line);
    AdminCommand command{.name = fields.front(), .args = {fields.begin() + 1, fields.end()}};
    std::string out;
    bool gone = false;
    const auto done = handler_(
        command,
        [&](const Fields& row) {
            out += admin_line("row", row);
            if (out.size() < kPieceBytes) return;
            gone = gone || !send_all(client, out);
            out.clear();
        },
        std::move(stop));
    out += done ? admin_line("ok", {}) : admin_line("error", {std::string{name_of(done.error().code)}, done.error().detail});
    if (!gone) send_all(client, out);
}

Result<> ask_admin(const std::string& data, const AdminCommand& command, const RowSink& rows) {
    const SocketPath path{data};
    const auto server = unix_socket();
    if (!server || connect(server.get(), path.address(), SocketPath::size()) != 0) return fail(Code::unavailable, "");
    if (!send_all(server.get(), admin_line(command.name, command.args))) return fail(Code::unavailable, "the server closed the connection");
    LineReader lines{server.get(), SIZE_MAX};
    while (const auto line = lines.next()) {
        const auto fields = admin_fields(*line);
        if (fields[0] == "ok") return {};
        if (fields[0] == "row") {
            rows({fields.begin() + 1, fields.end()});
        } else if (fields.size() == 3) {
            for (int i = 0; i < kCodes; ++i) {
                if (name_of(static_cast<Code>(i)) == fields[1]) return fail(static_cast<Code>(i), fields[2]);
            }
        }
    }
    return fail(Code::internal, "the server closed the connection");
}

}  // namespace madang::server
