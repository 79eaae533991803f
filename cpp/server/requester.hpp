// Asks engines from a thread that is no loop: administration and seeding.
//
// Owner: a command; outlived by the loop. Thread: its owner's, which blocks until the answers are there.
// Limits: kRequestsAtOnce requests are in flight. Errors: those of the requests; `unavailable` for what has no answer after kAnswerWithin,
// e.g. because the loop has stopped, and for what was not yet asked when `stop` came.
#pragma once

#include <chrono>
#include <stop_token>
#include <utility>
#include <vector>

#include "chat/requests.hpp"
#include "server/loop.hpp"

namespace madang::server {

inline constexpr std::size_t kRequestsAtOnce = 2'000;
inline constexpr std::chrono::seconds kAnswerWithin{30};

class Requester {
  public:
    explicit Requester(Loop& loop, std::stop_token stop = {}) : loop_(loop), stop_(std::move(stop)) {}

    Result<Response> ask(Request request);
    // The answers, in the order of the requests.
    std::vector<Result<Response>> ask_all(std::vector<Request> requests);

  private:
    std::vector<Result<Response>> ask_some(std::vector<Request> requests);

    Loop& loop_;
    std::stop_token stop_;
};

}  // namespace madang::server
