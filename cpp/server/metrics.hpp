// GET /metrics: everything the server counts, in Prometheus' text form. Names begin with `madang_`; the unit stands last.
// Thread: any.
#pragma once

#include <string>

#include "net/listener.hpp"
#include "server/runtime.hpp"

namespace madang::server {

// `listener` may be null.
std::string render_metrics(const Runtime& runtime, const net::Listener* listener);

}  // namespace madang::server
