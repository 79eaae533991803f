// Service discovery of one process: it names itself.
//
// Owner: the composition root; what `load` reads must outlive it. Thread: any, once named.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "net/core.hpp"

namespace madang::server {

class OneServer final : public net::Discovery {
  public:
    explicit OneServer(std::string region) : region_(std::move(region)) {}

    // Before any loop runs: the port is known only once it is bound.
    void name(std::string url, std::function<double()> load) {
        url_ = std::move(url);
        load_ = std::move(load);
    }

    // Whatever region is asked for: there is no other server to send a client to.
    std::vector<net::ServerAddress> servers(std::string_view) const override { return {{url_, region_, load_ ? load_() : 0.0}}; }

  private:
    std::string region_;
    std::string url_;
    std::function<double()> load_;
};

}  // namespace madang::server
