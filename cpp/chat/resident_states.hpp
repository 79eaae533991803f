// Users and conversations as an engine has them in memory. Values of one engine's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "chat/admission.hpp"
#include "chat/conversation_log.hpp"
#include "chat/inbox.hpp"
#include "chat/presence.hpp"
#include "chat/receipts.hpp"
#include "chat/relations.hpp"
#include "chat/requests.hpp"
#include "chat/watching.hpp"

namespace madang {

// An open socket of a user.
struct Subscription {
    SessionId session;
    std::uint32_t gateway = 0;
    DeviceId device;
    enum class Phase : std::uint8_t {
        connected,    // no attach yet, or told to resync: gets nothing
        catching_up,  // a page is on its way; `sent` moves with it
        live,         // every item is sent as it is taken
    };
    Phase phase = Phase::connected;
    bool is_present = false;  // counts in the user's presence: since its first attach, until its device is signed out
    enum class Greeting : std::uint8_t { none, due, due_again };  // due_again: it may have passed by who has to be told
    Greeting greeting = Greeting::none;
    Cursor sent;
    std::uint32_t attaches = 0;          // pages of an earlier one are not for this one
    std::unique_ptr<SocketWatch> watch;  // null: watches nobody
};

// A long poll that waits for the next item.
struct Poller {
    ReplyTo to;
    DeviceId device;
    Cursor after;
    std::uint32_t limit = 0;
    Tick deadline{};
};

struct UserState {
    UserId id;
    Account account;
    std::vector<Device> devices;
    Inbox inbox;
    std::map<ConversationId, Preference> preferences;  // only of conversations the user is or was a member of
    std::size_t recounts = 0;                          // partial reads being counted: not dropped before they are done
    Relations relations;
    std::vector<Subscription> subscriptions;
    std::vector<Poller> pollers;
    Presence presence;
    std::vector<std::pair<DeviceId, Tick>> polled;  // long polls that have ended: they count as attached until then
    Ticket written = 0;                             // by which ticket its last change is durable: not dropped before
    Tick lingers_until{};  // the memory tail is kept this long after the last socket, for those who come right back
    bool has_tail = false;
    std::size_t acks_unstored = 0;      // devices whose ack is not stored yet: not dropped before
    Cursor delivered_to;                // what acks up to here have delivered is told, or waits in the outbox
    bool is_reading_delivered = false;  // a reader looks what follows

    bool is_online() const { return !subscriptions.empty() || !pollers.empty(); }
    Device* find_device(DeviceId device);
};

struct ConversationState {
    explicit ConversationState(ConversationLog l, Admission a = {}) : log(std::move(l)), admission(std::move(a)) {}
    ConversationLog log;
    Admission admission;
    Pair pair;  // of a direct one: the gate of its sends, kept up to date
    Receipts receipts;
    bool has_receipts_to_tell = false;
    Ticket written = 0;
};

// own_view.cpp. A mute that is over is none.
OwnView own_view(const UserState& user, ConversationId conversation, Time now);

}  // namespace madang
