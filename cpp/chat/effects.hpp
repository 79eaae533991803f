// What an engine wants done. Effects wait until everything the engine wrote before them is durable; jobs are reads of state that nobody is
// writing, and go at once.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "chat/bus.hpp"
#include "chat/push_outbox.hpp"
#include "chat/requests.hpp"
#include "hooks/verdict.hpp"
#include "model/signal.hpp"
#include "store/batch.hpp"

namespace madang {

// Close codes of the protocol that an engine decides on.
enum class CloseCode : std::uint16_t { internal_error = 1011, unauthenticated = 4001, session_revoked = 4003 };

struct Reply {
    ReplyTo to;
    Result<Response> response;
};
// The next two go to one socket, on the gateway it attached from.
struct Attached {
    std::uint32_t gateway = 0;
    SessionId session;
    Cursor cursor;
};
struct Events {
    struct To {
        std::uint32_t gateway = 0;
        SessionId session;
    };
    To to;
    std::vector<Event> events;  // rising cursors, never empty
    bool catch_up = false;      // true: a page of a replay; answer with Drained when it has left, whatever its size
};
// One entry to many sockets: the common case of a live message.
struct Delivery {
    struct To {
        std::uint32_t gateway = 0;
        SessionId session;
        Cursor cursor;
        Role role = Role::member;
    };
    EntryPtr entry;
    std::vector<To> to;
};
// One signal to many sockets. A socket whose queue is half full goes without: never a reason for 4002.
struct Signalling {
    struct To {
        std::uint32_t gateway = 0;
        SessionId session;
    };
    Signal signal;
    std::vector<To> to;
};
struct Resync {
    std::uint32_t gateway = 0;
    SessionId session;
    ResyncRequired why;
};
struct CloseSocket {
    std::uint32_t gateway = 0;
    SessionId session;
    CloseCode code = CloseCode::session_revoked;
};
struct ToEngine {
    EngineIndex engine = 0;
    BusMessage message;
};
// ---- reads, for the reader pool (loads.hpp, queries.hpp) ------------------------------------------------------------------------------

struct LoadUser {
    UserId user;
};
struct LoadConversation {
    ConversationId conversation;
};
// Inbox items after `after`, resolved to their entries: a page of a session's catch-up or of a poll.
struct LoadInboxPage {
    UserId user;
    Cursor after;
    Cursor to;
    std::uint32_t limit = 100;
    SessionId session;  // for an attached session (its n-th attach), or
    std::uint32_t attach = 0;
    std::optional<ReplyTo> poll;  // for a poll: the answer goes straight to the gateway
};
// Entries of one member to send again, (after, to].
struct LoadEntries {
    ConversationId conversation;
    UserId user;
    Seq after;
    Seq to;
};
// A message that is to be revised, as it is now. For whoever asked alone: what was read for an earlier asker may be older than what this
// one must see.
struct LoadMessage {
    ConversationId conversation;
    Seq seq;
    bool for_check = false;  // may the edit be put to plugins? else it is about to be done
};
// Messages of others, not deleted, in [from, to] as of the entry `as_of` (to < from: none); and is the user a member, where is the head?
// At most kRecountEntries positions.
struct Recount {
    UserId user;
    ConversationId conversation;
    Seq from;
    Seq to;
    Seq as_of;
};
// The newest entry of each conversation among the inbox items in (after, to]: what acking them has delivered.
struct LoadDelivered {
    UserId user;
    Cursor after;
    Cursor to;
};
// Everything whose fan-out may be unfinished, of the slots of this engine.
struct LoadJournal {};
// What else an earlier run left unfinished, of the slots of this engine: changes of pairs that may not be in both copies, deleted accounts
// that are not gone from everywhere.
struct LoadUnfinished {};
// Pushes that are due, with what a notification says: as many as page_bytes takes.
struct LoadPushes {
    std::vector<PushKey> keys;
};
// A page of the table of pushes, of the slots of this engine.
using SweepPushes = PushOutbox::Sweep;
// The next rows that the store has under a deleted user's id.
struct LoadLeftovers {
    UserId user;
};
// What an engine adds to a query for an export (export.hpp) and an audit (user_audit.hpp).
struct Exported;
struct Audited;
// An answer that needs only the store: history, members, a conversation, a page of the list.
struct Query {
    ReplyTo to;
    Request request;
    std::vector<ConversationId> conversations{};  // ListConversations: the page, chosen by the engine
    std::vector<std::uint64_t> places{};          // of these in the list: `next` of a page that ends with one
    std::optional<std::uint64_t> next{};
    std::vector<OwnView> own{};  // of these, or the one of GetConversation and UpdateView
    std::uint64_t unread_total = 0;
    std::vector<Relation> relations{};  // ListRelations: likewise
    bool more = false;                  // and others follow them
    std::shared_ptr<const Exported> exported{};
    std::shared_ptr<const Audited> audited{};
};
using Job = std::variant<LoadUser, LoadConversation, LoadInboxPage, LoadEntries, LoadJournal, Recount, Query, LoadMessage, LoadUnfinished,
                         LoadPushes, SweepPushes, LoadLeftovers, LoadDelivered>;

// Rising per engine, from 1. Everything with a ticket ≤ the last durable one is on disk.
using Ticket = std::uint64_t;

// A read that must see what this turn wrote: an effect, not a job.
struct Read {
    Job job;
};
using Effect = std::variant<Reply, Attached, Events, Delivery, Signalling, Resync, CloseSocket, ToEngine, Read>;

struct Turn {
    Ticket ticket = 0;  // of `batch`; an empty batch bears the last one given
    Batch batch;
    std::vector<Effect> effects;   // to be carried out, in order, once `ticket` is durable
    std::vector<Job> jobs;         // at once
    std::vector<CheckCall> calls;  // for plugins, at once
    std::uint32_t entries = 0;     // that the batch adds to the logs: news for the committed feed, once it is durable
    std::vector<PushCall> pushes;  // likewise: their rows are durable
};

}  // namespace madang
