#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bindings.hpp"
#include "server/administer.hpp"

namespace madang::bindings {
namespace {

using server::AdminCommand;
using server::Fields;

// How a command ended, to be raised once the GIL is back.
struct Ending {
    Result<> result;
    std::string start_error;

    void raise(const std::string& data) const {
        if (!start_error.empty()) raise_start_error(start_error);
        if (result) return;
        if (result.error().code == Code::unavailable && result.error().detail.empty()) raise_not_running(data);
        raise_admin_error(result.error());
    }
};

Ending run_without_gil(const server::Config& config, const AdminCommand& command, const server::RowSink& rows) {
    Ending ending;
    const py::gil_scoped_release released;
    try {
        ending.result = server::administer(config, command, rows);
    } catch (const server::StartError& error) {
        ending.start_error = error.what();
    }
    return ending;
}

std::vector<Fields> admin(const std::string& data, const std::string& command, const std::vector<std::string>& args) {
    std::vector<Fields> rows;
    Ending ending;
    {
        const py::gil_scoped_release released;
        ending.result = server::ask_admin(data, {command, args}, [&](const Fields& row) { rows.push_back(row); });
    }
    ending.raise(data);
    return rows;
}

std::vector<Fields> administer(const std::optional<std::string>& config, const Overrides& overrides, const std::string& command,
                               const std::vector<std::string>& args) {
    std::vector<Fields> rows;
    const auto loaded = load_or_raise(config, overrides);
    run_without_gil(loaded, {command, args}, [&](const Fields& row) { rows.push_back(row); }).raise(loaded.server.data);
    return rows;
}

// It holds tokens: nobody else may read it.
std::FILE* open_private(const std::string& path) {
    constexpr auto kPrivate = S_IRUSR | S_IWUSR;
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kPrivate);
    if (fd < 0) return nullptr;
    struct stat file{};
    if (fstat(fd, &file) != 0 || (S_ISREG(file.st_mode) && fchmod(fd, kPrivate) != 0)) {  // one that was there has its own rights
        close(fd);
        return nullptr;
    }
    return fdopen(fd, "w");
}

std::size_t seed(const std::optional<std::string>& config, const Overrides& overrides, unsigned users, unsigned group_size,
                 const std::string& out, const py::function& on_progress) {
    const auto loaded = load_or_raise(config, overrides);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{open_private(out), std::fclose};
    if (!file) raise_start_error(out + ": " + std::strerror(errno));
    std::fputs("index\tuser_id\ttoken\tdirect_id\tgroup_id\n", file.get());
    std::size_t count = 0;
    const auto write = [&](const Fields& row) {
        if (row.size() == 2) {
            const py::gil_scoped_acquire acquired;
            on_progress(std::stoull(row[0]), std::stoull(row[1]));
            return;
        }
        for (std::size_t i = 0; i < row.size(); ++i) {
            std::fputs(row[i].c_str(), file.get());
            std::fputc(i + 1 == row.size() ? '\n' : '\t', file.get());
        }
        ++count;
    };
    run_without_gil(loaded, {"seed", {std::to_string(users), std::to_string(group_size), "progress"}}, write).raise(loaded.server.data);
    if (std::fflush(file.get()) != 0) raise_start_error(out + ": " + std::strerror(errno));
    return count;
}

}  // namespace

void bind_admin(py::module_& module) {
    using namespace py::literals;
    module.def("admin", &admin, "data"_a, "command"_a, "args"_a = std::vector<std::string>{},
               "Asks the server that runs on this data folder.");
    module.def("administer", &administer, "config"_a, "overrides"_a, "command"_a, "args"_a = std::vector<std::string>{},
               "The same where it runs, otherwise on the stopped server's store.");
    module.def("seed", &seed, "config"_a, "overrides"_a, "users"_a, "group_size"_a, "out"_a, "on_progress"_a,
               "administer(\"seed\") with its rows written to a file; how many there were. on_progress(done, of) is called in between.");
}

}  // namespace madang::bindings
