#include "client.hpp"

#include <cerrno>
#include <stdexcept>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ascii.hpp"

namespace madang::net::test {
namespace {

constexpr int kDeadlineMs = 10'000;

}  // namespace

std::string Answer::field(std::string_view name) const {
    std::string_view rest = head;
    while (!rest.empty()) {
        const auto end = rest.find("\r\n");
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end + 2);
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && equal_ignoring_case(line.substr(0, colon), name))
            return std::string(trimmed(line.substr(colon + 1)));
    }
    return {};
}

int Frame::close_code() const {
    if (opcode != 8 || payload.size() < 2) return 0;
    return static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
}

Client::Client(std::uint16_t port, int receive_buffer_bytes) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw std::runtime_error("connect failed");
}

Client::~Client() { ::close(socket_); }

void Client::send(std::string_view bytes) {
    if (!try_send(bytes)) throw std::runtime_error("the server takes no more");
}

bool Client::try_send(std::string_view bytes) {
    while (!bytes.empty()) {
        pollfd poll{socket_, POLLOUT, 0};
        if (::poll(&poll, 1, kDeadlineMs) != 1) return false;
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) continue;
        if (sent < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void Client::end_sending() { ::shutdown(socket_, SHUT_WR); }

bool Client::fill() {
    pollfd poll{socket_, POLLIN, 0};
    if (::poll(&poll, 1, kDeadlineMs) != 1) throw std::runtime_error("nothing came");
    char buffer[65'536];
    const auto size = ::recv(socket_, buffer, sizeof buffer, 0);
    if (size <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(size));
    return true;
}

Answer Client::read_answer(bool has_body) {
    std::size_t end;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos)
        if (!fill()) throw std::runtime_error("ended before the answer: " + received_);
    Answer answer;
    answer.head = received_.substr(0, end + 2);
    answer.status = std::stoi(answer.head.substr(9, 3));
    received_.erase(0, end + 4);
    const auto length = answer.field("Content-Length");
    const auto size = length.empty() || !has_body ? 0 : std::stoul(length);
    while (received_.size() < size)
        if (!fill()) throw std::runtime_error("ended within the answer");
    answer.body = received_.substr(0, size);
    received_.erase(0, size);
    return answer;
}

Answer Client::request(std::string_view method, std::string_view target, std::string_view token, std::string_view body,
                       std::string_view further_fields) {
    std::string bytes;
    bytes.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: chat.example\r\n").append(further_fields);
    if (!token.empty()) bytes.append("Authorization: Bearer ").append(token).append("\r\n");
    if (!body.empty()) bytes.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    bytes.append("\r\n").append(body);
    send(bytes);
    return read_answer(method != "HEAD");
}

bool Client::is_ended() { return received_.empty() && !fill(); }

Answer Client::upgrade(std::string_view token, std::string_view further_fields) {
    return request(
        "GET", "/v1/connect", token, "",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
            std::string(further_fields));
}

void Client::send_frame(int opcode, std::string_view payload) {
    std::string bytes{static_cast<char>(0x80 | opcode)};
    if (payload.size() < 126) {
        bytes += static_cast<char>(0x80 | payload.size());
    } else {
        const int length_bytes = payload.size() <= 0xFFFF ? 2 : 8;
        bytes += static_cast<char>(0x80 | (length_bytes == 2 ? 126 : 127));
        for (int shift = (length_bytes - 1) * 8; shift >= 0; shift -= 8) bytes += static_cast<char>(payload.size() >> shift);
    }
    const std::string_view key = "k3y!";
    bytes += key;
    for (std::size_t i = 0; i < payload.size(); ++i) bytes += static_cast<char>(payload[i] ^ key[i % 4]);
    try_send(bytes);
}

Frame Client::read_frame() {
    const auto need = [&](std::size_t size) {
        while (received_.size() < size)
            if (!fill()) return false;
        return true;
    };
    if (!need(2)) return {};
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(received_[at]); };
    std::size_t header = 2;
    std::size_t size = byte(1) & 0x7F;
    if (size >= 126) {
        const std::size_t length_bytes = size == 126 ? 2 : 8;
        header += length_bytes;
        if (!need(header)) return {};
        size = 0;
        for (std::size_t i = 2; i < header; ++i) size = size << 8 | byte(i);
    }
    if (!need(header + size)) return {};
    Frame frame{byte(0) & 0x0F, received_.substr(header, size)};
    received_.erase(0, header + size);
    return frame;
}

}  // namespace madang::net::test
