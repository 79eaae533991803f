// One HTTP request on its way to an answer. Handlers get it, ask the core as often as they need, and answer it exactly once.
//
// Owner: whoever still has something to do for it (shared). Thread: its loop's only. Outlived by: Core and RateLimiter, not by its
// connection: an answer to a client that has gone is dropped.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/core.hpp"
#include "net/http_message.hpp"
#include "net/origins.hpp"
#include "net/query.hpp"
#include "net/rate_limiter.hpp"

namespace madang::net {

// Where answers go: an HTTP connection.
class Responder {
  public:
    virtual ~Responder() = default;
    virtual void respond(HttpAnswer answer) = 0;
    // Sends the 101 and gives the socket to the actor's WebSocket.
    virtual void upgrade(HttpAnswer answer, const Authenticated& who) = 0;
};

class Call : public std::enable_shared_from_this<Call> {
  public:
    struct Surroundings {
        Core& core;
        RateLimiter& rates;
        const Origins& origins;
        std::weak_ptr<Responder> responder;
        bool is_loopback = false;  // the client's address
        bool is_draining = false;  // no new WebSockets
    };
    Call(Surroundings surroundings, HttpRequest request) : around_(std::move(surroundings)), request_(std::move(request)) {}

    Core& core() const { return around_.core; }
    const Limits& limits() const { return around_.core.limits(); }
    const HttpRequest& request() const { return request_; }
    const Query& query() const { return query_; }
    const Actor& actor() const { return who_.actor; }            // of routes that need a token
    std::string_view username() const { return who_.username; }  // likewise
    bool is_loopback() const { return around_.is_loopback; }
    bool is_draining() const { return around_.is_draining; }
    const Origins& origins() const { return around_.origins; }

    // The id that the route's n-th `{…}` stands for. Errors: not_found, since what is no id names nothing.
    template <typename Id>
    Result<Id> path_id(std::size_t n) const {
        if (const auto id = parse_id<Id>(path_values_.at(n))) return *id;
        return fail(Code::not_found, "there is no such thing");
    }

    // What the route's n-th `{…}` stands for.
    std::string_view path_value(std::size_t n) const { return path_values_.at(n); }

    // Submits the request; `then(call, answer)` gets an `Answer`, while errors become the call's answer.
    // The number is the request's.
    template <typename Answer, typename Then>
    std::uint64_t ask(Request request, Then then) {
        return core().submit(std::move(request), [self = shared_from_this(), then = std::move(then)](Result<Response> response) mutable {
            if (!response) return self->refuse(response.error());
            if (auto* answer = std::get_if<Answer>(&*response)) return then(*self, std::move(*answer));
            self->refuse_otherwise(*response);
        });
    }

    void answer(int status, std::string json);
    void answer_nothing();  // 204
    void answer_text(int status, std::string_view content_type, std::string text);
    // A problem document. `fields` go into the header.
    void refuse(const Error& error, std::vector<std::pair<std::string_view, std::string>> fields = {});
    void refuse_as(int status, const Error& error, std::vector<std::pair<std::string_view, std::string>> fields = {});
    void upgrade(HttpAnswer answer);
    // Takes one costly call from the actor's rate, or refuses this one and answers false.
    bool may_call(Costly which);
    // Takes one guess of this folded username's password, or refuses the call and answers false; what was none is given back.
    bool may_guess(const std::string& username);
    void give_back_guess(const std::string& username);
    // Takes one send of `bytes` from the actor's rate, or refuses the call and answers false.
    bool may_send(std::size_t bytes);

    // `act` is called when the client goes before it is answered, at once if it has gone.
    void when_abandoned(std::move_only_function<void()> act);

    // For the connection: the client has gone.
    void abandon();
    // For the router.
    void set_target(std::vector<std::string> path_values, Query query) { path_values_ = std::move(path_values), query_ = std::move(query); }
    void set_actor(Authenticated who) { who_ = std::move(who); }

  private:
    void refuse_otherwise(const Response& response);
    void respond(HttpAnswer answer);

    Surroundings around_;
    HttpRequest request_;
    std::vector<std::string> path_values_;
    Query query_;
    Authenticated who_;
    std::move_only_function<void()> when_abandoned_;
    bool is_abandoned_ = false;
};

}  // namespace madang::net
