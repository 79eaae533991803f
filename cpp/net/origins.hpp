// Which web pages may talk to this server: those of its own host, and the configured ones. Programs that are no browser send no Origin.
// Immutable, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace madang::net {

class Origins {
  public:
    explicit Origins(std::vector<std::string> allowed) : allowed_(std::move(allowed)) {}

    // `origin` as a browser sends it ("https://app.example:8443"), `host` from the Host header. Both without regard to case.
    bool allows(std::string_view origin, std::string_view host) const;

  private:
    std::vector<std::string> allowed_;  // "*" = all
};

}  // namespace madang::net
