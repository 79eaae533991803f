#include "server/requester.hpp"

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>

namespace madang::server {
namespace {

// Shared with the loop, which may answer after nobody waits any more.
struct Answers {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Result<Response>> values;
    std::size_t missing;

    explicit Answers(std::size_t count) : values(count, fail(Code::unavailable, "no answer in time")), missing(count) {}

    void take(std::size_t at, Result<Response> response) {
        const std::lock_guard lock{mutex};
        values[at] = std::move(response);
        if (--missing == 0) changed.notify_one();
    }
    std::vector<Result<Response>> wait() {
        std::unique_lock lock{mutex};
        changed.wait_for(lock, kAnswerWithin, [&] { return missing == 0; });
        return values;
    }
};

}  // namespace

Result<Response> Requester::ask(Request request) {
    std::vector<Request> one;
    one.push_back(std::move(request));
    return std::move(ask_some(std::move(one)).front());
}

std::vector<Result<Response>> Requester::ask_all(std::vector<Request> requests) {
    std::vector<Result<Response>> answers;
    for (std::size_t at = 0; at < requests.size() && !stop_.stop_requested(); at += kRequestsAtOnce) {
        const auto first = requests.begin() + static_cast<std::ptrdiff_t>(at);
        const auto last = requests.begin() + static_cast<std::ptrdiff_t>(std::min(at + kRequestsAtOnce, requests.size()));
        auto some = ask_some({std::make_move_iterator(first), std::make_move_iterator(last)});
        std::ranges::move(some, std::back_inserter(answers));
    }
    answers.resize(requests.size(), fail(Code::unavailable, "stopped before it was asked"));
    return answers;
}

std::vector<Result<Response>> Requester::ask_some(std::vector<Request> requests) {
    auto answers = std::make_shared<Answers>(requests.size());
    loop_.post([answers, asked = std::move(requests)](Loop& loop) mutable {
        for (std::size_t i = 0; i < asked.size(); ++i) {
            loop.ask(std::move(asked[i]), [answers, i](Result<Response> response) { answers->take(i, std::move(response)); });
        }
    });
    return answers->wait();
}

}  // namespace madang::server
