// A command for whoever holds the data folder: the server that runs on it, or nobody, and then its store is opened for the length of the
// command.
// Thread: the caller's, which blocks. Errors: the command's; StartError if nobody answers and the store can't be opened either.
#pragma once

#include "server/admin_socket.hpp"
#include "server/commands.hpp"
#include "server/config.hpp"

namespace madang::server {

Result<> administer(const Config& config, const AdminCommand& command, const RowSink& rows);

}  // namespace madang::server
