// The published protocol, as python/madang/protocol has it: the two documents are compiled in, so that a binary tells what it speaks
// itself. Immutable, any thread. published.cpp is made from published.cpp.in when the build is configured, which a changed document brings
// about.
#pragma once

#include <string_view>

namespace madang::net {

extern const std::string_view kOpenApi;   // OpenAPI 3.1, JSON
extern const std::string_view kAsyncApi;  // AsyncAPI 3, JSON

}  // namespace madang::net
