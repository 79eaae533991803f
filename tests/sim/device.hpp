// One device of one person: logs in, keeps a socket attached at its cursor or polls, and does what people do. What it has stored (its
// cursor, its device id) survives its connections; what it began it repeats until it is answered.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "context.hpp"
#include "model.hpp"
#include "network.hpp"

namespace madang::sim {

// What an answer holds if it is that; null = refused, another kind, or no answer.
template <typename T>
const T* ok(const std::optional<Result<Response>>& answer) {
    return answer && *answer ? std::get_if<T>(&**answer) : nullptr;
}

class Device;

struct Person {
    std::string username;
    UserId id;  // none: not signed up yet
    bool is_stranger = false;
    bool is_leaving = false;  // wants the account deleted, until it is
    bool is_gone = false;     // it is
    std::vector<Device*> devices;
    unsigned last_text = 0;
    unsigned last_client_id = 0;

    struct Unsent {  // no definite answer yet
        Send send;
        bool by_socket = false;
    };
    std::deque<Unsent> unsent;
    std::vector<Send> sent;                                   // acked; for repeats
    std::set<std::pair<ConversationId, std::string>> reused;  // client ids of one conversation used in another
    std::vector<CreateGroup> unmade;                          // groups without a definite answer
    std::vector<CreateGroup> made;
};

// What a device knows of the others: who can be written to, and which conversations there are.
struct Town {
    std::vector<Person*> people;
    std::vector<ConversationId> conversations;  // groups and direct ones, of anybody
    struct Message {
        ConversationId conversation;
        Seq seq;
        UserId sender;
    };
    std::vector<Message> messages;                               // of anybody, to be revised
    std::vector<std::pair<ConversationId, InviteSecret>> links;  // passed around: anybody may try one
};

class Device final : public Endpoint {
  public:
    Device(Context& context, Model& model, Network& network, Town& town, Person& person, bool polls);

    void start();
    // In calm. Watches everybody from now on, or nobody, so that it hears of friends only; if it has a socket.
    void watch_all();
    void watch_nobody();
    // Says something once more and goes, with a log-out or without; for good.
    void leave(bool logs_out);
    bool has_left() const { return has_left_; }
    // Has the account deleted, however often that has to be asked for. A device of a person's other than the stranger.
    void delete_account();
    // Those whose presence it is shown are as `truth` says.
    void check_presence(const std::map<UserId, bool>& truth) const;
    // Has everything it began been answered, and has it read up to `tail`? In calm only.
    bool is_settled(Cursor tail) const;
    // Which cursors it has seen: (base, read].
    Cursor base() const { return base_; }
    Cursor read() const { return read_; }
    // What it has last acked, be it by a poll, is stored within a second. In calm only.
    bool acks_are_stored(const Store& store) const;
    std::string describe() const;

    void on_attached(Cursor tail) override;
    void on_events(const std::vector<Event>& events) override;
    void on_signal(const Signal& signal) override;
    void on_resync(const ResyncRequired& why) override;
    void on_close_code(CloseCode code) override;
    void on_closed() override;

  private:
    using Answer = std::optional<Result<Response>>;

    // ---- device.cpp: life
    void act();
    void sign_up();
    void log_in();
    void connect();
    void attach(std::optional<Cursor> from);
    void finish();
    void poll(Millis wait);
    void forget();
    // By HTTP; `then` gets the answer when there is one. `busy` until then.
    void ask(Request request, std::move_only_function<void(const Answer&)> then = {});
    Actor actor() const { return {person_.id, id_}; }

    // ---- device_actions.cpp: mischief
    void do_something();
    void send();
    void send_many();
    void resend();
    void send_other_text();
    void learn(ConversationId conversation);
    void put(Send send, bool by_socket);
    void on_send_answer(const Send& send, bool by_socket, const Answer& answer);
    void revise();
    void create_group();
    void create_again();
    void make(CreateGroup create);
    void create_direct();
    void change_conversation();
    void read_history();
    void read_lists();
    // ---- device_reading.cpp
    void mark_read();
    void update_view();
    void acknowledge();
    void register_push();
    void acknowledge_by_socket();
    void change_account();
    void sign_out();
    void attach_again();
    void watch();
    void watch(std::vector<UserId> users);
    void ask_presence();
    void type();
    void trespass();

    // ---- device_relations.cpp
    void change_relation();
    void read_relations();
    std::optional<ConversationId> some_conversation();
    Person* some_peer();
    std::string new_text();
    std::string new_client_id();

    // ---- device_groups.cpp: what members do to each other
    void change_members();
    void mute_somebody();
    void hand_over();
    void ban_somebody();
    void lift_ban();
    void read_admission();
    void make_link();
    void join_by_link();
    void revoke_link();
    InviteSecret new_secret();

    Context& context_;
    Model& model_;
    Network& network_;
    Town& town_;
    Person& person_;
    bool polls_;

    DeviceId id_;
    Cursor base_;   // where it began
    Cursor read_;   // everything in (base_, read_] has been seen
    Cursor saved_;  // what survives a lost connection: ≤ read_
    Cursor acked_;  // answered, since the socket was opened
    unsigned busy_ = 0;
    bool is_logging_in_ = false;
    bool is_polling_ = false;

    bool has_left_ = false;
    std::vector<UserId> watched_;                // by this socket
    std::map<UserId, PresenceSignal> presence_;  // as this socket was told

    std::optional<SessionId> session_;
    struct Attempt {
        std::optional<Cursor> from;
        Cursor shown;  // of the inbox when it was made: the tail must not be behind
    };
    std::deque<Attempt> attempts_;  // attaches without an answer
    bool is_live_ = false;
    Cursor position_;  // of the stream on this socket: the next event has the next cursor
};

}  // namespace madang::sim
