// Administration: what `madang user`, `token` and `seed` ask for, the same on a running server and on a stopped one's store. The commands
// are listed in bindings/README.md.
//
// Thread: the caller's, which blocks; not a loop. Limits: kSeedUsersMax. Errors: bad_request for an unknown command or argument, else those
// of the engines; what was done before an error stays.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "server/admin_protocol.hpp"
#include "server/runtime.hpp"

namespace madang::server {

inline constexpr std::uint32_t kSeedUsersMax = 10'000'000;

// What a command works on. `url` is what `ping` answers.
struct CommandTarget {
    Runtime& runtime;
    std::string url;
    std::function<void(Millis)> advance_clock;  // returns when what is due has been looked at; empty: this clock can't be moved
};

Result<> run_command(CommandTarget target, const AdminCommand& command, const RowSink& rows, std::stop_token stop = {});

// seed.cpp: `users` accounts u0, u1 …, each with a token; users 2k and 2k+1 share a direct conversation, users G·k … G·k+G−1 a group (G =
// 0: none). Rows: index, user id, token, direct id, group id; before them, when progress is to be told, rows of two numbers: how much is
// done, and of how much. Goes through the engines like any request, many at once.
struct SeedPlan {
    std::uint32_t users = 0;
    std::uint32_t group_size = 0;
    bool tells_progress = false;
};
Result<> seed(Runtime& runtime, const SeedPlan& plan, const RowSink& rows, std::stop_token stop);

}  // namespace madang::server
