#include "pushes_model.hpp"

#include <algorithm>

#include "check.hpp"
#include "store/keys.hpp"

namespace madang::sim {
namespace {

constexpr Micros kSlack = 3s;  // ticks, stalls, loads, a restart

std::string name_of(const PushKey& key) {
    return "(" + to_string(key.conversation) + ", " + to_string(key.seq) + ") to user " + to_string(key.user);
}

}  // namespace

void PushesModel::on_asked(const Request& request) {
    if (const auto* sync = std::get_if<Sync>(&request)) {
        acks_asked_[sync->actor.user].push_back({context_.schedule.now(), sync->cursor});
    } else if (const auto* ack = std::get_if<Acknowledge>(&request)) {
        acks_asked_[ack->actor.user].push_back({context_.schedule.now(), ack->cursor});
    } else if (const auto* open = std::get_if<OpenSession>(&request)) {
        logins_asked_[open->user].push_back(context_.schedule.now());
    } else if (const auto* read = std::get_if<MarkRead>(&request)) {
        auto& seq = reads_asked_[{read->actor.user, read->conversation}];
        seq = std::max(seq, read->seq);
    } else if (const auto* view = std::get_if<UpdateView>(&request); view && view->muted_until) {
        mutes_asked_.insert({view->actor.user, view->conversation});
    } else if (const auto* disable = std::get_if<DisableAccount>(&request)) {
        disabled_.insert(disable->user);
        may_be_signed_out_.insert(disable->user);
    } else if (const auto* close = std::get_if<CloseSession>(&request)) {
        may_be_signed_out_.insert(close->actor.user);
    }
}

void PushesModel::on_answer(const Request& request, const Response& response) {
    if (const auto* read = std::get_if<MarkRead>(&request)) {
        auto& seq = reads_answered_[{read->actor.user, read->conversation}];
        seq = std::max(seq, std::get<ReadState>(response).seq);
    } else if (const auto* ack = std::get_if<Acknowledge>(&request)) {
        acked(ack->actor.user, ack->cursor);
    } else if (const auto* sync = std::get_if<Sync>(&request); sync && std::holds_alternative<SyncPage>(response)) {
        acked(sync->actor.user, sync->cursor);
    }
}

void PushesModel::on_live(UserId user, const Event& event, Micros asked_at) {
    if (!event.entry->is_message() || event.entry->message.sender == user || may_be_signed_out_.contains(user)) return;
    if (context_.plan.limits.devices_per_user != Limits{}.devices_per_user) return;  // a log-in may sign another device out
    live_[user].emplace(event.cursor, Live{{user, event.entry->conversation_id, event.entry->seq}, asked_at});
}

void PushesModel::acked(UserId user, Cursor cursor) {
    if (may_be_signed_out_.contains(user)) return;  // polls of a device that is gone are answered here, and ack nothing
    auto& live = live_[user];
    const auto end = live.upper_bound(cursor);
    for (auto at = live.begin(); at != end; ++at)
        if (context_.schedule.now() < at->second.asked_at + Micros{context_.plan.limits.push_ack_within})
            acked_in_time_.insert(at->second.key);
    live.erase(live.begin(), end);
}

void PushesModel::on_append(const Batch& batch) {
    batch.for_each([&](const Batch::Row& row) {
        if (row.table == Table::push_dead && !row.erase) given_up_.insert(push_in(row.key));
        if (row.table == Table::inbox && !row.erase)
            stored_at_.try_emplace({UserId{id_in(row.key)}, Cursor{id_in(row.key, 8)}}, context_.schedule.now());
    });
}

void PushesModel::on_crash(bool in_good_order) {
    crashes_.push_back(context_.schedule.now());
    live_.clear();
    if (in_good_order) return;
    acked_in_time_.clear();  // a crash may forget acks
    for (auto& [target, fact] : facts_) fact.heard = false;
}

void PushesModel::on_call(const PushCall& call) {
    auto& fact = facts_[target_of(call)];
    expect(!fact.heard, "a push that went out goes out again: " + name_of(call.push));
    expect(call.sender.id != call.user.id && call.user.id == call.push.user, "a push to the sender: " + name_of(call.push));
    expect(!call.text.empty() && call.message_id, "a push that says nothing: " + name_of(call.push));
    const auto& rule = context_.plan.pushes.at(call.rule);
    expect(rule.takes_registrations() == bool{call.device}, "a push with a registration for a plugin without, or the other way round");
    expect(!call.device || std::ranges::find(rule.providers, call.registration.provider) != rule.providers.end(),
           "a push by a plugin that doesn't serve the provider");
    const auto read = reads_answered_.find({call.push.user, call.push.conversation});
    expect(read == reads_answered_.end() || read->second < call.push.seq, "a push of what was read: " + name_of(call.push));
    expect(!acked_in_time_.contains(call.push), "a push of what was acked in time: " + name_of(call.push));
}

void PushesModel::on_delivered(const PushCall& call, Delivered::Kind kind) {
    if (kind == Delivered::Kind::sent || kind == Delivered::Kind::gone) facts_[target_of(call)].delivered = true;
}

void PushesModel::on_heard(const PushCall& call) { facts_[target_of(call)].heard = true; }

bool PushesModel::was_handed_out(const PushKey& key, std::uint32_t rule, DeviceId device) const {
    const auto found = facts_.find({key, {rule, device}});
    return found != facts_.end() && found->second.delivered;
}

bool PushesModel::is_excused(UserId user, Cursor cursor, ConversationId conversation, Seq seq) const {
    if (disabled_.contains(user) || mutes_asked_.contains({user, conversation})) return true;
    const auto read = reads_asked_.find({user, conversation});
    if (read != reads_asked_.end() && read->second >= seq) return true;
    const auto stored = stored_at_.find({user, cursor});
    if (stored == stored_at_.end()) return true;
    auto end = stored->second + Micros{context_.plan.limits.push_ack_within} + kSlack;
    for (const auto crash : crashes_)  // who restarts gives everybody the time once more
        if (crash >= stored->second && crash <= end) end = crash + Micros{context_.plan.limits.push_ack_within} + kSlack;
    // A device begins at the tail: after a restart that can't be told from an ack.
    const auto logins = logins_asked_.find(user);
    for (const auto crash : crashes_)
        if (logins != logins_asked_.end() && crash >= stored->second && crash <= end)
            for (const auto login : logins->second)
                if (login >= stored->second - kSlack && login <= crash) return true;
    const auto acks = acks_asked_.find(user);
    return acks != acks_asked_.end() && std::ranges::any_of(acks->second, [&](const Ack& ack) {
               return ack.cursor >= cursor && ack.cursor.value < 1'000'000 && ack.at <= end;
           });
}

}  // namespace madang::sim
