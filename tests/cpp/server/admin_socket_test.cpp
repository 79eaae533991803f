#include "server/admin_socket.hpp"

#include <cstring>
#include <future>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.hpp"

namespace madang::server {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// Says the arguments back, a row each.
Result<> echo(const AdminCommand& command, const RowSink& rows, std::stop_token) {
    if (command.name != "echo") return fail(Code::bad_request, "no such command: " + command.name);
    for (const auto& arg : command.args) rows({arg, "and\tmore"});
    return {};
}

TEST(AdminSocket, answers_rows_and_then_success) {
    const Folder data;
    const AdminSocket socket{data.path(), echo};
    std::vector<Fields> rows;
    EXPECT_TRUE(ask_admin(data.path(), {"echo", {"a\nb", "마당"}}, [&](const Fields& row) { rows.push_back(row); }));
    EXPECT_THAT(rows, ElementsAre(Fields{"a\nb", "and\tmore"}, Fields{"마당", "and\tmore"}));
}

TEST(AdminSocket, many_rows_arrive_whole_and_in_order) {
    const Folder data;
    const AdminSocket socket{data.path(), [](const AdminCommand&, const RowSink& rows, std::stop_token) {
                                 for (int i = 0; i < 20'000; ++i) rows({std::to_string(i), std::string(50, 'x')});
                                 return Result<>{};
                             }};
    int expected = 0;
    EXPECT_TRUE(ask_admin(data.path(), {"any", {}}, [&](const Fields& row) { EXPECT_EQ(row.at(0), std::to_string(expected++)); }));
    EXPECT_EQ(expected, 20'000);
}

TEST(AdminSocket, error_comes_with_its_code_and_message) {
    const Folder data;
    const AdminSocket socket{data.path(), echo};
    const auto asked = ask_admin(data.path(), {"dance", {}}, [](const Fields&) {});
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code, Code::bad_request);
    EXPECT_EQ(asked.error().detail, "no such command: dance");
}

TEST(AdminSocket, nobody_there_is_unavailable_without_detail) {
    const Folder data;
    const auto asked = ask_admin(data.path(), {"echo", {}}, [](const Fields&) {});
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error(), (Error{Code::unavailable, "", {}}));
    const auto no_folder = ask_admin(data.path() + "/none", {"echo", {}}, [](const Fields&) {});
    EXPECT_EQ(no_folder.error().code, Code::unavailable);
}

TEST(AdminSocket, only_the_owner_may_open_it_and_it_goes_with_the_server) {
    const Folder data;
    const auto file = data.path() + "/admin.sock";
    {
        const AdminSocket socket{data.path(), echo};
        struct stat facts{};
        ASSERT_EQ(stat(file.c_str(), &facts), 0);
        EXPECT_EQ(facts.st_mode & 0777, 0600u);
    }
    EXPECT_NE(access(file.c_str(), F_OK), 0);
}

TEST(AdminSocket, socket_of_a_dead_server_is_replaced) {
    const Folder data;
    const Descriptor left{open((data.path() + "/admin.sock").c_str(), O_CREAT | O_RDWR, 0600)};
    const AdminSocket socket{data.path(), echo};
    EXPECT_TRUE(ask_admin(data.path(), {"echo", {}}, [](const Fields&) {}));
}

TEST(AdminSocket, folder_with_a_name_longer_than_a_socket_may_have_works) {
    const Folder data;
    const auto deep = data.path() + "/" + std::string(120, 'd');
    std::filesystem::create_directory(deep);
    const AdminSocket socket{deep, echo};
    EXPECT_TRUE(ask_admin(deep, {"echo", {}}, [](const Fields&) {}));
}

TEST(AdminSocket, stop_reaches_a_command_that_runs) {
    const Folder data;
    std::promise<void> begun;
    auto socket = std::make_unique<AdminSocket>(data.path(), [&](const AdminCommand&, const RowSink&, std::stop_token stop) -> Result<> {
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock{mutex};
        begun.set_value();
        stopped.wait_for(lock, stop, 10s, [] { return false; });
        return stop.stop_requested() ? fail(Code::unavailable, "stopped") : Result<>{};
    });
    auto asked = std::async(std::launch::async, [&] { return ask_admin(data.path(), {"any", {}}, [](const Fields&) {}); });
    ASSERT_EQ(begun.get_future().wait_for(5s), std::future_status::ready);
    socket.reset();
    EXPECT_EQ(asked.get().error().detail, "stopped");
}

TEST(AdminSocket, line_without_an_end_is_cut_off) {
    const Folder data;
    const AdminSocket socket{data.path(), echo};
    const Descriptor client{::socket(AF_UNIX, SOCK_STREAM, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (data.path() + "/admin.sock").c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const std::string endless(2 * kAdminLineMax, 'x');
    std::size_t sent = 0;
    while (sent < endless.size()) {
        const auto more = send(client.get(), endless.data() + sent, endless.size() - sent, MSG_NOSIGNAL);
        if (more <= 0) break;
        sent += static_cast<std::size_t>(more);
    }
    char answer = 0;
    EXPECT_LE(recv(client.get(), &answer, 1, 0), 0);
    EXPECT_TRUE(ask_admin(data.path(), {"echo", {}}, [](const Fields&) {})) << "others are served afterwards";
}

}  // namespace
}  // namespace madang::server
