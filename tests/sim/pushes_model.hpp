// What the world knows of pushes: every hand-out as it reaches a plugin, and what excuses one that never came. Checks at once that nobody
// is notified of what they have read, or have acked in time, and that nothing is handed out twice; at the end (audit_pushes.cpp), that
// nothing is missing. Throws Violation.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "chat/requests.hpp"
#include "context.hpp"
#include "hooks/push.hpp"
#include "store/batch.hpp"

namespace madang::sim {

class PushesModel {
  public:
    explicit PushesModel(Context& context) : context_(context) {}

    // ---- what people do
    void on_asked(const Request& request);
    void on_answer(const Request& request, const Response& response);
    // A socket was given this as it came: somebody was attached.
    void on_live(UserId user, const Event& event, Micros asked_at);
    // Rows as they reach the disk: of inboxes, and of what is given up, which need not stay there.
    void on_append(const Batch& batch);
    void on_crash(bool in_good_order);

    // ---- the plugins
    void on_call(const PushCall& call);
    void on_delivered(const PushCall& call, Delivered::Kind kind);  // as the plugin says; the engine may never hear it
    void on_heard(const PushCall& call);                            // the engine has taken it

    // ---- for the audit
    bool was_given_up(const PushKey& key) const { return given_up_.contains(key); }
    bool was_handed_out(const PushKey& key, std::uint32_t rule, DeviceId device) const;
    // Somebody asked for something early enough that this item of the user's may have needed no push.
    bool is_excused(UserId user, Cursor cursor, ConversationId conversation, Seq seq) const;

  private:
    using Target = std::pair<PushKey, std::pair<std::uint32_t, DeviceId>>;
    struct Fact {
        bool delivered = false;  // the plugin has done it, or said that the registration is gone
        bool heard = false;      // and the engine of this life knows
    };
    struct Ack {
        Micros at{};
        Cursor cursor;
    };
    static Target target_of(const PushCall& call) { return {call.push, {call.rule, call.device}}; }
    void acked(UserId user, Cursor cursor);

    Context& context_;
    std::map<Target, Fact> facts_;
    std::map<UserId, std::vector<Ack>> acks_asked_;
    std::map<std::pair<UserId, ConversationId>, Seq> reads_asked_, reads_answered_;
    std::set<std::pair<UserId, ConversationId>> mutes_asked_;
    std::set<UserId> disabled_, may_be_signed_out_;
    std::map<std::pair<UserId, Cursor>, Micros> stored_at_;
    std::vector<Micros> crashes_;
    struct Live {
        PushKey key;
        Micros asked_at{};  // before this it cannot have come
    };
    std::map<UserId, std::map<Cursor, Live>> live_;
    std::set<PushKey> acked_in_time_;
    std::set<PushKey> given_up_;
    std::map<UserId, std::vector<Micros>> logins_asked_;
};

}  // namespace madang::sim
