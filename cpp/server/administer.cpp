#include "server/administer.hpp"

#include <string>
#include <thread>

#include "server/runtime.hpp"

namespace madang::server {
namespace {

constexpr std::chrono::milliseconds kIdleLook{2};
constexpr std::chrono::seconds kIdleWithin{30};  // what is left then is taken up by the next start

}  // namespace

Result<> administer(const Config& config, const AdminCommand& command, const RowSink& rows) {
    auto asked = ask_admin(config.server.data, command, rows);
    if (asked || asked.error().code != Code::unavailable || !asked.error().detail.empty()) return asked;
    // A lost store ends in requests without an answer, and these in an error.
    Runtime runtime{config, [] { return std::string{}; }, [](Outcome) {}};
    runtime.run();
    auto done = run_command({runtime, "none: the server is stopped", {}}, command, rows);
    // Every answer is durable; what is left to do is the fan-out to other engines.
    const auto deadline = std::chrono::steady_clock::now() + kIdleWithin;
    while (done && !runtime.is_idle() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(kIdleLook);
    return done;
}

}  // namespace madang::server
