// Sends where plugins have a say (checks.hpp): parked with what they need, and taken up again when it is their turn. A crash meanwhile has
// stored nothing.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "chat/mentions.hpp"
#include "chat/stored.hpp"
#include "store/keys.hpp"

namespace madang {

CheckLane Engine::State::lane_of(const ConversationState& conversation, UserId sender) const {
    const auto& log = conversation.log;
    if (log.conversation().kind != ConversationKind::direct) return {sender, UserId{}, log.id()};
    const auto peer = std::ranges::find_if(log.members(), [&](const Member& each) { return each.user.id != sender; });
    return {sender, peer == log.members().end() ? UserId{} : peer->user.id, ConversationId{}};
}

bool Engine::State::answer_waiting_repeat(const ReplyTo& from, const CheckLane& lane, const Send& request, const Digest128& digest) {
    auto* waiting = checks_.find(lane, request.client_id);
    if (!waiting) return false;
    if (waiting->digest != digest)
        refuse(from, {Code::client_id_reused, "this client_id was used for another text", {}});
    else if (waiting->repeats.size() >= kRepeatsWaiting)
        refuse(from, {Code::rate_limited, "this message is being checked", Millis{1'000}});
    else
        waiting->repeats.push_back(from);
    return true;
}

Result<> Engine::State::may_check(const CheckLane& lane) const {
    if (checks_.is_full(lane)) return fail(Code::rate_limited, "too many messages are being checked", Millis{200});
    if (checks_.size() >= options_.limits.parked_requests)
        return fail(Code::unavailable, "too many messages are being checked", Millis{200});
    return {};
}

CheckedSend* Engine::State::check(const ReplyTo& from, ConversationState* conversation, const CheckLane& lane, Send&& request,
                                  const Digest128& digest, std::optional<CheckedSend::Revision> revision, bool starts) {
    if (const auto may = may_check(lane); !may) return refuse(from, may.error()), nullptr;
    CheckCall call{
        .sender = request.actor.user, .peer = lane.peer, .sender_username = {}, .client_id = request.client_id, .text = request.text};
    call.edit = revision.has_value();
    if (conversation) {
        call.conversation = conversation->log.id();
        call.kind = conversation->log.conversation().kind;
        if (const auto* member = conversation->log.find_member(request.actor.user)) call.sender_username = member->user.username;
        call.mentions = conversation->log.mentions_in(request.text, request.actor.user);
    } else {
        // The members that the conversation will have, as it will show them.
        std::vector<Member> pair;
        for (const auto user : {request.actor.user, lane.peer}) {
            Profile profile;
            profile.id = user;
            if (auto present = present_profile(store_, profile)) profile = std::move(*present);
            if (user == request.actor.user) call.sender_username = profile.username;
            if (!profile.username.empty()) pair.push_back({.user = std::move(profile), .role = Role::member, .stays = {{Seq{1}, Seq{}}}});
        }
        MemberNames names;
        call.mentions = find_mentions(request.text, names, pair, ConversationSettings{}.mention_all == MentionAllRight::members);
    }
    auto& added = checks_.add(lane, {from, std::move(request), digest, std::move(call), revision});
    if (!starts) return &added;
    checks_.start(lane, added, clock_.tick());
    apply_verdicts(lane);
    return nullptr;
}

void Engine::State::check_revision(const ReplyTo& from, Revise&& request) {
    const auto id = request.conversation;
    with_conversation(from, id, [this, from, request = std::move(request)](ConversationState& conversation) mutable {
        check_revision(from, conversation, std::move(request));
    });
}

void Engine::State::check_revision(const ReplyTo& from, ConversationState& conversation, Revise&& request) {
    if (const auto may = may_revise(conversation, request); !may) return refuse(from, may.error());
    const auto lane = lane_of(conversation, request.actor.user);
    const auto is_busy = checks_.is_busy(lane) || lanes_.contains({request.conversation, request.actor.user});
    if (!request.text && !checks_.is_busy(lane)) return revise(from, std::move(request));
    const auto message = request.text ? known_message(conversation, request.seq) : EntryPtr{};
    if (request.text && message) {
        const auto changed = revisable(conversation, request, *message);
        if (!changed) return refuse(from, changed.error());
        if (!*changed && !is_busy) return reply(from, Sent{*message, true});
    }
    const CheckedSend::Revision revision{request.seq, !request.text};
    Send as_send{.actor = request.actor,
                 .conversation = request.conversation,
                 .peer = {},
                 .client_id = {},
                 .text = std::move(request.text).value_or(std::string{})};
    auto* edit = check(from, &conversation, lane, std::move(as_send), {}, revision, message.has_value());
    if (!edit) return;
    auto& waiting = edits_loading_[{request.conversation, request.seq}];
    waiting.emplace_back(lane, edit);
    // An effect, not a job: it must see what this turn writes.
    if (waiting.size() == 1) effects_.push_back(Read{LoadMessage{request.conversation, request.seq, true}});
}

// Edits that have their places: now they are put to the plugins, or refused.
void Engine::State::on_edited_message(const LoadedMessage& loaded) {
    auto waiting = edits_loading_.extract({loaded.conversation, loaded.seq});
    if (!waiting) return;
    when_loaded(loaded.conversation, [this, loaded, edits = std::move(waiting.mapped())](Result<ConversationState*> conversation) {
        for (const auto& [lane, edit] : edits) {
            if (auto may = may_edit(conversation, *edit, loaded); may)
                checks_.start(lane, *edit, clock_.tick());
            else
                checks_.decide(*edit, std::move(may));
            apply_verdicts(lane);
        }
    });
}

Result<> Engine::State::may_edit(Result<ConversationState*> conversation, const CheckedSend& edit, const LoadedMessage& loaded) const {
    if (!conversation) return std::unexpected(conversation.error());
    if (!*conversation) return fail(Code::not_found, "no such conversation");
    const Revise request{edit.request.actor, edit.request.conversation, edit.revision->seq, edit.request.text};
    if (auto may = may_revise(**conversation, request); !may) return may;
    const auto message = known_message(**conversation, request.seq);
    if (!message && !loaded.message) return std::unexpected(loaded.message.error());
    const auto changed = revisable(**conversation, request, message ? *message : *loaded.message);
    return changed ? Result<>{} : std::unexpected(changed.error());
}

// The first message of a pair: nothing is made before it is allowed.
void Engine::State::check_first(const ReplyTo& from, Send&& request) {
    const CheckLane lane{request.actor.user, request.peer, ConversationId{}};
    const auto digest = keyed_digest(options_.text_key, request.text);
    if (answer_waiting_repeat(from, lane, request, digest)) return;
    check(from, nullptr, lane, std::move(request), digest, {});
}

void Engine::State::on_verdict(std::uint64_t call, Verdict verdict) {
    if (const auto lane = checks_.on_verdict(call, std::move(verdict), clock_.tick())) apply_verdicts(*lane);
}

void Engine::State::on_call_refused(std::uint64_t call) {
    if (const auto lane = checks_.on_refused(call, clock_.tick())) apply_verdicts(*lane);
}

void Engine::State::end_late_checks() {
    for (const auto& lane : checks_.end_late(clock_.tick())) apply_verdicts(lane);
}

// One at a time: what comes back here may have waited for its conversation to be loaded or made.
void Engine::State::apply_verdicts(const CheckLane& lane) {
    auto* send = checks_.ready(lane);
    if (!send) return;
    if (send->revision) {
        auto item = checks_.take_oldest(lane);
        lanes_to_apply_.push_back(lane);
        if (!*item.outcome) return refuse(item.from, item.outcome->error());
        std::optional<std::string> text;
        if (!item.revision->deletes) text = std::move(item.call.text);
        return revise(item.from, {item.request.actor, item.request.conversation, item.revision->seq, std::move(text)});
    }
    send->is_applying = true;
    if (!*send->outcome) return end_check(lane, std::unexpected(send->outcome->error()));
    const auto store = [this, lane](Result<ConversationState*> conversation) { store_checked(lane, std::move(conversation)); };
    if (send->call.conversation) return when_loaded(send->call.conversation, store);
    when_direct(send->request.actor, send->request.peer, [store](Result<ConversationState*> direct, bool) { store(direct); });
}

void Engine::State::store_checked(const CheckLane& lane, Result<ConversationState*> found) {
    if (!found) return end_check(lane, std::unexpected(found.error()));
    if (!*found) return end_check(lane, fail(Code::not_found, "no such conversation"));
    auto& conversation = **found;
    const Lane revisions{conversation.log.id(), lane.sender};
    if (!lanes_.contains(revisions) || mutant(Mutant::edit_overtaken)) return append_checked(lane, conversation);
    if (!has_room_in_lanes()) return end_check(lane, fail(Code::unavailable, "too many requests wait for stored state", Millis{200}));
    wait_in_lane({}, revisions, lane);
}

void Engine::State::append_checked(const CheckLane& lane, ConversationState& conversation) {
    auto& send = checks_.oldest(lane);
    if (const auto may = may_store(conversation, lane.sender); !may) return end_check(lane, std::unexpected(may.error()));
    auto key = send_key(conversation.log.id(), lane.sender, send.request.client_id);
    if (send.fate == Fate::hold && !mutant(Mutant::held_is_stored))
        return end_check(lane, hold(conversation, lane.sender, std::move(key), send));
    const auto entry = store_message(conversation, lane.sender, std::move(key), send.request.client_id, std::move(send.call.text),
                                     send.digest, send.fate == Fate::shadow);
    end_check(lane, Stored(entry));
    publish(conversation, entry);
}

void Engine::State::end_check(const CheckLane& lane, const Result<Stored>& stored) {
    const auto send = checks_.take_oldest(lane);
    const auto answer = [&](const ReplyTo& to, bool repeated) {
        if (!stored) return refuse(to, stored.error());
        if (const auto* held = std::get_if<Held>(&*stored)) return reply(to, *held);
        reply(to, Sent{std::get<EntryPtr>(*stored), repeated});
    };
    answer(send.from, false);
    for (const auto& each : send.repeats) answer(each, true);
    lanes_to_apply_.push_back(lane);
}

// Not from within end_check: its caller is not through with the message yet.
void Engine::State::work_verdicts() {
    while (!lanes_to_apply_.empty()) {
        const auto lane = lanes_to_apply_.back();
        lanes_to_apply_.pop_back();
        apply_verdicts(lane);
    }
}

}  // namespace madang
