// A blocking client for tests: raw bytes, HTTP answers and WebSocket frames, each wait with a deadline that ends the test.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace madang::net::test {

struct Answer {
    int status = 0;
    std::string head;
    std::string body;

    // The field's value; empty = not there.
    std::string field(std::string_view name) const;
    nlohmann::json json() const { return nlohmann::json::parse(body); }
};

struct Frame {
    int opcode = 0;  // 8 = close; 0 = the connection has ended
    std::string payload;

    int close_code() const;
    nlohmann::json json() const { return nlohmann::json::parse(payload); }
};

class Client {
  public:
    explicit Client(std::uint16_t port, int receive_buffer_bytes = 0);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void send(std::string_view bytes);
    // Whether all could be sent before the peer ended or stopped reading.
    bool try_send(std::string_view bytes);
    void end_sending();
    // The next answer, as its Content-Length says.
    Answer read_answer(bool has_body = true);
    Answer request(std::string_view method, std::string_view target, std::string_view token = "", std::string_view body = "",
                   std::string_view further_fields = "");
    bool is_ended();  // waits for the end of the stream; false if bytes come instead

    // The answer to a handshake; 101 if it went well.
    Answer upgrade(std::string_view token, std::string_view further_fields = "");
    void send_text(std::string_view payload) { send_frame(1, payload); }
    void send_frame(int opcode, std::string_view payload);
    Frame read_frame();

  private:
    bool fill();  // false = the stream has ended

    int socket_ = -1;
    std::string received_;
};

}  // namespace madang::net::test
