#include "server/admin_protocol.hpp"

namespace madang::server {
namespace {

void append_field(std::string& line, std::string_view field) {
    for (const char c : field) {
        switch (c) {
            case '\t': line += "\\t"; break;
            case '\n': line += "\\n"; break;
            case '\\': line += "\\\\"; break;
            default: line += c;
        }
    }
}

}  // namespace

std::string admin_line(std::string_view first, const Fields& rest) {
    std::string line;
    append_field(line, first);
    for (const auto& field : rest) append_field(line += '\t', field);
    return line += '\n';
}

Fields admin_fields(std::string_view line) {
    Fields fields(1);
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\t') {
            fields.emplace_back();
        } else if (line[i] == '\\' && i + 1 < line.size()) {
            const char escaped = line[++i];
            fields.back() += escaped == 't' ? '\t' : escaped == 'n' ? '\n' : escaped;
        } else {
            fields.back() += line[i];
        }
    }
    return fields;
}

}  // namespace madang::server
