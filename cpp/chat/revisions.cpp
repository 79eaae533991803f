// Editing and deleting: entries of the log that rewrite the message's own row in the same append. A revision may have to wait, for the
// message to be read from the store or for its fan-out to end; what its sender writes meanwhile waits behind it in a lane.
#include <algorithm>

#include "base/mutant.hpp"
#include "base/text.hpp"
#include "chat/engine_state.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

std::string key_of(ConversationId conversation, Seq seq) { return std::string(std::string_view(message_key(conversation, seq))); }

Error no_message() { return {Code::not_found, "no such message", {}}; }

}  // namespace

void Engine::State::on(const ReplyTo& from, EditMessage&& request) {
    if (request.text.empty()) return refuse(from, {Code::bad_request, "text is empty", {}});
    if (request.text.size() > options_.limits.text_chars && code_points(request.text) > options_.limits.text_chars)
        return refuse(from, {Code::text_too_long, "text is longer than " + std::to_string(options_.limits.text_chars) + " characters", {}});
    Revise revision{request.actor, request.conversation, request.seq, std::move(request.text)};
    checks_.are_on() ? check_revision(from, std::move(revision)) : revise(from, std::move(revision));
}

void Engine::State::on(const ReplyTo& from, DeleteMessage&& request) {
    Revise revision{request.actor, request.conversation, request.seq, std::nullopt};
    checks_.are_on() ? check_revision(from, std::move(revision)) : revise(from, std::move(revision));
}

void Engine::State::revise(const ReplyTo& from, Revise&& request) {
    const auto id = request.conversation;
    with_conversation(from, id, [this, from, request = std::move(request)](ConversationState& conversation) mutable {
        const Lane lane{request.conversation, request.actor.user};
        if (lanes_.contains(lane) && !mutant(Mutant::edit_overtaken)) return wait_in_lane(from, lane, std::move(request));
        if (!has_room_in_lanes()) return refuse(from, {Code::unavailable, "too many requests wait for stored state", Millis{200}});
        if (try_revise(from, conversation, request, lane, nullptr) == Step::done) return;
        ++in_lanes_;
        lanes_[lane].push_back({from, std::move(request)});
    });
}

void Engine::State::wait_in_lane(const ReplyTo& from, const Lane& lane, std::variant<Revise, Send, CheckLane> request) {
    if (!has_room_in_lanes()) return refuse(from, {Code::unavailable, "too many requests wait for stored state", Millis{200}});
    ++in_lanes_;
    lanes_[lane].push_back({from, std::move(request)});
}

// ---- a lane goes on -------------------------------------------------------------------------------------------------------------------

void Engine::State::work_lanes() {
    if (!journal_is_open()) ready_lanes_.insert(ready_lanes_.end(), journal_lanes_.begin(), journal_lanes_.end()), journal_lanes_.clear();
    for (const auto& lane : std::exchange(ready_lanes_, {}))
        when_loaded(lane.first, [this, lane](Result<ConversationState*> conversation) { work_lane(lane, conversation, nullptr); });
}

void Engine::State::on_message(LoadedMessage loaded) {
    if (loaded.for_check) return on_edited_message(loaded);
    const auto waiting = messages_loading_.extract({loaded.conversation, loaded.seq});
    if (!waiting) return;
    when_loaded(loaded.conversation,
                [this, loaded = std::move(loaded), lanes = std::move(waiting.mapped())](Result<ConversationState*> conversation) {
                    for (const auto& lane : lanes) work_lane(lane, conversation, &loaded);
                });
}

void Engine::State::work_lane(const Lane& lane, Result<ConversationState*> conversation, const LoadedMessage* loaded) {
    const auto found = lanes_.find(lane);
    if (found == lanes_.end()) return;
    auto& waiting = found->second;
    while (!waiting.empty()) {
        auto& [from, request] = waiting.front();
        if (const auto* checked = std::get_if<CheckLane>(&request)) {
            if (conversation && *conversation)
                append_checked(*checked, **conversation);
            else
                end_check(*checked, std::unexpected(conversation ? no_message() : conversation.error()));
        } else if (!conversation || !*conversation) {
            refuse(from, conversation ? no_message() : conversation.error());
        } else if (auto* revision = std::get_if<Revise>(&request)) {
            if (try_revise(from, **conversation, *revision, lane, std::exchange(loaded, nullptr)) == Step::waits) return;
        } else {
            auto& message = std::get<Send>(request);
            auto key = send_key(lane.first, lane.second, message.client_id);
            const auto digest = keyed_digest(options_.text_key, message.text);
            if (!answer_repeat(from, lane.first, message, key, digest))
                send_now(from, **conversation, std::move(message), std::move(key), digest);
        }
        waiting.pop_front();
        --in_lanes_;
    }
    lanes_.erase(found);
}

// ---- one revision ---------------------------------------------------------------------------------------------------------------------

Engine::State::Step Engine::State::try_revise(const ReplyTo& from, ConversationState& conversation, Revise& request, const Lane& lane,
                                              const LoadedMessage* loaded) {
    auto& log = conversation.log;
    const auto answer = [&](const Error& error) { return refuse(from, error), Step::done; };
    if (const auto may = may_revise(conversation, request); !may) return answer(may.error());
    if (awaits_fan_out(log.id(), request.seq, lane)) return Step::waits;

    EntryPtr message;
    if (const auto known = known_message(conversation, request.seq)) {
        message = *known;
    } else if (loaded && loaded->seq == request.seq) {
        if (!loaded->message) return answer(loaded->message.error());
        message = *loaded->message;
    } else {
        // An effect, not a job: it must see what this turn writes.
        auto& waiting = messages_loading_[{log.id(), request.seq}];
        waiting.push_back(lane);
        if (waiting.size() == 1) effects_.push_back(Read{LoadMessage{log.id(), request.seq}});
        return Step::waits;
    }
    const auto revisable_now = revisable(conversation, request, message);
    if (!revisable_now) return answer(revisable_now.error());
    if (*revisable_now)
        append_revision(from, conversation, request, message);
    else
        reply(from, Sent{message, true});
    return Step::done;
}

Result<> Engine::State::may_revise(const ConversationState& conversation, const Revise& request) const {
    const auto& log = conversation.log;
    const auto member = log.require_member(request.actor.user);
    if (!member) return std::unexpected(member.error());
    // Who may not write may not rewrite; taking an own message back is left to them.
    if (request.text)
        if (const auto may = log.may_write(request.actor.user, clock_.now()); !may) return may;
    if (request.text && conversation.pair.is_closed()) return std::unexpected(closed(conversation));
    if (request.seq < log.readable_from(**member) || request.seq > log.head()) return std::unexpected(no_message());
    return {};
}

std::optional<EntryPtr> Engine::State::known_message(const ConversationState& conversation, Seq seq) const {
    const auto& log = conversation.log;
    if (!revised_in_flight_.empty()) {
        const auto flying = revised_in_flight_.find(key_of(log.id(), seq));
        if (flying != revised_in_flight_.end()) return flying->second.message;
    }
    if (log.last_message() && log.last_message()->seq == seq) return log.last_message();
    return std::nullopt;
}

// The message if the request changes it, null if it is so already.
Result<EntryPtr> Engine::State::revisable(const ConversationState& conversation, const Revise& request, const EntryPtr& message) const {
    if (!message || !message->is_shown_to(request.actor.user)) return std::unexpected(no_message());
    const auto& log = conversation.log;
    const auto* member = log.find_member(request.actor.user);
    const auto is_own = message->message.sender == member->user.id || mutant(Mutant::edit_by_anyone);
    const auto moderates = member->role >= Role::admin && log.conversation().kind == ConversationKind::group;
    if (!is_own && (request.text || !moderates))
        return fail(Code::forbidden,
                    request.text ? "only its sender may edit a message" : "only its sender, admins and the owner may delete a message");
    if (message->message.deleted) return request.text ? std::unexpected(no_message()) : Result<EntryPtr>(nullptr);
    if (request.text == message->message.text) return nullptr;
    const auto window = request.text ? options_.limits.edit_window : options_.limits.delete_window;
    const auto is_bound = request.text || !moderates;
    if (is_bound && window > Millis{0} && clock_.now() > message->created_at + window)
        return fail(Code::forbidden, request.text ? "it is too late to edit this message" : "it is too late to delete this message");
    if (!store_.has_space()) return fail(Code::storage_full, "the server's disk is full", Millis{5'000});
    if (pending_.size() >= options_.limits.fan_out_pending)
        return fail(Code::unavailable, "too many messages are still on their way to inboxes", Millis{500});
    return message;
}

bool Engine::State::awaits_fan_out(ConversationId conversation, Seq target, const Lane& lane) {
    if (journal_is_open()) {
        journal_lanes_.push_back(lane);
        return true;
    }
    auto bearer = pending_.find({conversation, target});
    if (bearer == pending_.end()) {
        const auto revision = revisions_pending_.find({conversation, target});
        if (revision != revisions_pending_.end()) bearer = pending_.find({conversation, revision->second});
    }
    if (bearer == pending_.end()) return false;
    bearer->second.lanes.push_back(lane);
    return true;
}

void Engine::State::append_revision(const ReplyTo& from, ConversationState& conversation, Revise& request, const EntryPtr& message) {
    auto& log = conversation.log;
    const auto slot = madang::slot_of(log.id());
    const auto actor = request.actor.user;
    const auto entry = request.text ? log.append_edited(*message, std::move(*request.text), actor, clock_.now())
                                    : log.append_deleted(*message, actor, clock_.now());
    const auto& changed = entry->revision->message;
    const auto key = key_of(log.id(), changed->seq);
    if (!mutant(Mutant::revise_without_row)) put(Table::message, key, *changed, slot);
    revised_in_flight_[key] = {changed, this_turn()};
    in_flight_.push_back({this_turn(), Table::message, key});
    // A repeat of the send that made it, before that is durable, is answered with the present text, too.
    const auto sent = sends_in_flight_.find(send_key(log.id(), changed->message.sender, changed->message.client_id));
    if (sent != sends_in_flight_.end()) sent->second.entry = changed;
    ++(request.text ? figures_.edits : figures_.deletions);
    reply(from, Sent{changed, false});
    publish(conversation, entry);
}

}  // namespace madang
