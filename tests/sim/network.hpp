// Clients' connections and the gateways at their server end: latency, lost requests and answers, broken and slow connections. A socket
// keeps its order both ways; HTTP requests overtake each other.
//
// The model sees every answer and frame as it leaves the server: that is when the server has promised it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "context.hpp"
#include "model.hpp"
#include "process.hpp"

namespace madang::sim {

// The client's end of a socket.
class Endpoint {
  public:
    virtual ~Endpoint() = default;
    virtual void on_attached(Cursor tail) = 0;
    virtual void on_events(const std::vector<Event>& events) = 0;
    virtual void on_signal(const Signal& signal) = 0;
    virtual void on_resync(const ResyncRequired& why) = 0;
    virtual void on_close_code(CloseCode code) = 0;  // on_closed follows, unless the client closes first
    virtual void on_closed() = 0;
};

class Network final : public Front {
  public:
    // None = lost: no answer in time, or the connection broke. The request may have been carried out.
    using OnAnswer = std::move_only_function<void(std::optional<Result<Response>>)>;

    Network(Context& context, Model& model) : context_(context), model_(model) {}

    // A process is up (or none: connections are refused).
    void use(Process* process) { process_ = process, is_draining_ = false; }
    // The server takes nothing new and closes every socket; what it has taken it still answers.
    void on_drain();
    // The process has died: every socket breaks, everything on the way is lost or not.
    void on_crash();

    void http(Request request, OnAnswer on_answer);
    // None: refused.
    std::optional<SessionId> open(Endpoint& endpoint, const Actor& actor);
    void close(SessionId session);  // by the client: on_closed is not called
    void frame(SessionId session, Request request, OnAnswer on_answer);
    void post(SessionId session, Request request);  // Attach: no answer

    // Requests that the server has and has not answered.
    std::size_t unanswered() const { return waiting_at_server_; }
    bool has_open_sockets() const;  // at the server's end
    std::size_t sockets() const { return sockets_.size(); }

    void on_effect(EngineIndex from, Effect effect) override;
    void on_push(const PushCall& call) override { model_.pushes().on_call(call); }
    void on_pushed(const PushCall& call, Delivered::Kind kind) override { model_.pushes().on_delivered(call, kind); }
    void on_push_heard(const PushCall& call) override { model_.pushes().on_heard(call); }

  private:
    struct Socket {
        Endpoint* endpoint = nullptr;  // null: the client's end is closed
        Actor actor;
        std::uint32_t gateway = 0;
        bool server_open = true;
        Tick heard{};  // its last frame, by the server's clock
        Micros up_free{};
        Micros down_free{};
    };
    struct Call {
        Asked asked;
        std::optional<SessionId> session;
        OnAnswer on_answer;  // empty once answered or lost
        bool at_server = false;
    };

    std::uint64_t begin(Request request, std::optional<SessionId> session, OnAnswer on_answer);
    void arrive(std::uint64_t call, std::uint32_t gateway);
    bool give_up(std::uint64_t call);  // true: somebody still waited
    void finish(std::uint64_t call, std::optional<Result<Response>> answer);
    void up(SessionId session, std::move_only_function<void(Socket&)> arrival);
    void down(SessionId session, std::move_only_function<void(Endpoint&)> arrival);
    void break_socket(SessionId session);
    void detach(SessionId session);
    void drop_if_closed(SessionId session);
    void on_reply(Reply reply);
    void on_page(Events page);
    void on_delivery(const Delivery& delivery);
    void on_signalling(const Signalling& signalling);

    Context& context_;
    Model& model_;
    Process* process_ = nullptr;
    bool is_draining_ = false;
    std::uint64_t life_ = 0;  // of the process: what an earlier one was told is forgotten
    std::map<SessionId, Socket> sockets_;
    std::map<std::uint64_t, Call> calls_;
    std::uint64_t last_call_ = 0;
    std::uint64_t last_session_ = 0;
    std::size_t waiting_at_server_ = 0;
};

}  // namespace madang::sim
