// What happens when the process has no descriptors left.
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.hpp"
#include "fake_core.hpp"

namespace madang::net::test {
namespace {

// The lowest number that no descriptor of this process has.
rlim_t next_descriptor() {
    const int descriptor = ::dup(0);
    ::close(descriptor);
    return static_cast<rlim_t>(descriptor);
}

// Lowers the limit of descriptors while it lives.
class DescriptorLimit {
  public:
    explicit DescriptorLimit(rlim_t limit) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit lowered = before_;
        lowered.rlim_cur = limit;
        ::setrlimit(RLIMIT_NOFILE, &lowered);
    }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;

  private:
    rlimit before_{};
};

bool connects(int socket, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

TEST(descriptors, without_any_left_clients_are_turned_away_and_served_again_later) {
    FakeServer server;
    Client early{server.port()};
    EXPECT_EQ(early.request("GET", "/healthz").status, 200);
    const int waiting = ::socket(AF_INET, SOCK_STREAM, 0);
    {
        const DescriptorLimit none{next_descriptor()};
        ASSERT_TRUE(connects(waiting, server.port()));
        pollfd ended{waiting, POLLIN, 0};
        ASSERT_EQ(::poll(&ended, 1, 10'000), 1) << "the client was left waiting";
        char byte;
        EXPECT_LE(::recv(waiting, &byte, 1, 0), 0);
        EXPECT_EQ(early.request("GET", "/healthz").status, 200) << "who was there is no longer served";
        EXPECT_GE(server.listener().figures().refused, 1u);
    }
    ::close(waiting);
    Client late{server.port()};
    EXPECT_EQ(late.request("GET", "/healthz").status, 200);
}

TEST(descriptors, connections_leave_those_that_are_kept_for_others) {
    const int free = static_cast<int>(next_descriptor());
    FakeServer server{{}, {.descriptors_max = free + 64}};
    std::vector<std::unique_ptr<Client>> crowd;
    while (crowd.size() < 64) crowd.push_back(std::make_unique<Client>(server.port()));
    ASSERT_TRUE(eventually([&] { return server.listener().figures().refused > 0; }));
    // The two ends of each lie in this process.
    EXPECT_LE(server.listener().figures().http_connections, 32u);
    crowd.clear();
    ASSERT_TRUE(eventually([&] { return server.listener().figures().http_connections == 0; }));
    Client late{server.port()};
    EXPECT_EQ(late.request("GET", "/healthz").status, 200);
}

}  // namespace
}  // namespace madang::net::test
