// What is spoken on the administration socket: lines of fields parted by tabs, `\t`, `\n` and `\\` standing for a tab, a line's end and a
// backslash inside a field.
//
//     client:  command <tab> argument …                  one line, then it waits
//     server:  row <tab> field …                         any number
//              ok   or   error <tab> code <tab> message  the last line; then it closes
//
// Limits: a client's line has kAdminLineMax bytes at most. Values; any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace madang::server {

inline constexpr std::size_t kAdminLineMax = 65'536;
inline constexpr std::string_view kAdminSocketName = "admin.sock";

using Fields = std::vector<std::string>;
using RowSink = std::function<void(const Fields& row)>;

struct AdminCommand {
    std::string name;
    Fields args;

    // An argument that may be left out: empty then.
    std::string arg(std::size_t at) const { return at < args.size() ? args[at] : std::string{}; }
};

// With its line's end.
std::string admin_line(std::string_view first, const Fields& rest);
// Without its line's end. At least one field.
Fields admin_fields(std::string_view line);

}  // namespace madang::server
