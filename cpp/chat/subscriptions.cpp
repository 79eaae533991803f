// Sockets and polls over the inbox. Attach is one act: it fixes the tail and subscribes, so nothing can fall between snapshot and live.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "chat/stored.hpp"

namespace madang {
namespace {

constexpr Millis kLinger{120'000};  // the memory tail outlives the last socket by this, for a reconnect storm
constexpr std::size_t kPollersPerUser = 32;

Subscription* find(UserState& user, SessionId session) {
    const auto at = std::ranges::find(user.subscriptions, session, &Subscription::session);
    return at == user.subscriptions.end() ? nullptr : &*at;
}

}  // namespace

void Engine::State::come_online(UserState& user) {
    if (user.has_tail) return;
    user.has_tail = true;
    user.inbox.keep_tail(true);
}

void Engine::State::go_offline(UserState& user) {
    if (user.is_online() || !user.has_tail) return;
    user.lingers_until = clock_.tick() + kLinger;
    lingering_.emplace_back(user.lingers_until, user.id);
}

std::optional<ResyncRequired> Engine::State::unservable(const UserState& user, Cursor cursor) const {
    if (cursor > user.inbox.tail()) return ResyncRequired{ResyncReason::ahead, user.inbox.tail()};
    if (cursor < user.inbox.floor()) return ResyncRequired{ResyncReason::trimmed, user.inbox.tail()};
    return std::nullopt;
}

void Engine::State::on(const ReplyTo&, Connect&& request) {
    when_loaded(request.actor.user, [this, request](Result<UserState*> user) {
        if (!user || !*user || !(*user)->find_device(request.actor.device)) {
            // Signed out between the check of its token and now, or its state can't be read.
            const auto code = user ? CloseCode::session_revoked : CloseCode::internal_error;
            effects_.push_back(CloseSocket{request.gateway, request.session, code});
            return;
        }
        (*user)->subscriptions.push_back(
            {.session = request.session, .gateway = request.gateway, .device = request.actor.device, .sent = {}});
        ++figures_.sessions;
        come_online(**user);
    });
}

void Engine::State::on(const ReplyTo&, Attach&& request) {
    with_socket(request.user, [this, request](UserState& user) {
        auto* subscription = find(user, request.session);
        if (!subscription) return;  // its Connect was refused: it is being closed
        subscription->phase = Subscription::Phase::connected;
        ++subscription->attaches;
        note_active(user, subscription->device, clock_.now());
        if (!std::exchange(subscription->is_present, true)) {
            arrive(user);
            expect_present(user.id, request.session);
            want_greeting(user, *subscription);
        }
        const auto tail = user.inbox.tail();
        const auto cursor = request.cursor.value_or(tail);
        if (const auto why = unservable(user, cursor)) {
            ++figures_.resyncs;
            effects_.push_back(Resync{subscription->gateway, request.session, *why});
            return;
        }
        effects_.push_back(Attached{subscription->gateway, request.session, tail});
        subscription->sent = mutant(Mutant::attach_gap) && cursor < tail ? next(cursor) : cursor;
        catch_up(user, *subscription);
    });
}

void Engine::State::catch_up(UserState& user, Subscription& subscription) {
    const auto tail = user.inbox.tail();
    if (subscription.sent == tail) {
        subscription.phase = Subscription::Phase::live;
        return;
    }
    subscription.phase = Subscription::Phase::catching_up;
    const auto& limits = options_.limits;
    if (auto events = recent(user, subscription.sent, limits.page_items)) return send_page(subscription, std::move(*events));
    effects_.push_back(Read{
        LoadInboxPage{user.id, subscription.sent, tail, limits.page_items, subscription.session, subscription.attaches, std::nullopt}});
}

std::optional<std::vector<Event>> Engine::State::recent(const UserState& user, Cursor after, std::size_t limit) const {
    auto events = user.inbox.tail_after(after, limit, options_.limits.page_bytes);
    if (!events) return events;
    for (auto& event : *events)
        if (auto shown = as_shown(store_, event.entry)) event.entry = std::move(*shown);
    return events;
}

void Engine::State::send_page(Subscription& subscription, std::vector<Event> events) {
    subscription.sent = events.back().cursor;
    effects_.push_back(Events{{subscription.gateway, subscription.session}, std::move(events), true});
}

void Engine::State::on_page(LoadedInboxPage page) {
    auto* user = users_.find(page.user);
    auto* subscription = user ? find(*user, page.session) : nullptr;
    if (!subscription || subscription->phase != Subscription::Phase::catching_up) return;
    if (!page.events || page.events->empty()) {
        effects_.push_back(CloseSocket{subscription->gateway, page.session, CloseCode::internal_error});
        return;
    }
    if (page.attach != subscription->attaches || page.events->front().cursor != next(subscription->sent)) return;  // of an earlier attach
    // The store may have a message's next version before its revision is here: what has been shown once stays.
    for (const auto& event : *page.events)
        if (const auto* shown = event.entry->shown_message(); shown && shown->message.revised)
            user->inbox.refresh(event.entry->is_message() ? event.entry : event.entry->revision->message);
    send_page(*subscription, std::move(*page.events));
}

void Engine::State::on(const ReplyTo&, Drained&& request) {
    with_socket(request.user, [this, request](UserState& user) {
        auto* subscription = find(user, request.session);
        if (subscription && subscription->phase == Subscription::Phase::catching_up) catch_up(user, *subscription);
    });
}

void Engine::State::on(const ReplyTo&, Detach&& request) {
    with_socket(request.user, [this, request](UserState& user) {
        auto* found = find(user, request.session);
        if (!found) return;
        const auto gone = std::move(*found);
        user.subscriptions.erase(user.subscriptions.begin() + (found - user.subscriptions.data()));
        --figures_.sessions;
        if (gone.watch) unwatch_all(user, gone.watch->users);
        if (gone.is_present) depart(user, gone.device, request.heard);
        go_offline(user);
    });
}

void Engine::State::on(const ReplyTo& from, Acknowledge&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        if (request.cursor > user.inbox.tail()) return refuse(from, {Code::bad_request, "cursor is beyond the end of the inbox", {}});
        acknowledge(user, request.actor.device, request.cursor);
        reply(from, Done{});
    });
}

void Engine::State::on(const ReplyTo& from, Sync&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        if (const auto why = unservable(user, request.cursor)) return reply(from, *why);
        acknowledge(user, request.actor.device, request.cursor);
        // One that waits counts as attached, also when there is something to give it at once.
        if (request.wait > Millis{0} && user.find_device(request.actor.device)) {
            arrive(user);
            depart(user, request.actor.device, clock_.tick());
            note_poll_end(user, request.actor.device);
        } else {
            hear(user, request.actor.device);
        }
        const auto& limits = options_.limits;
        const auto tail = user.inbox.tail();
        const auto limit = std::clamp(request.limit, 1u, limits.page_items);
        if (request.cursor == tail) {
            if (request.wait <= Millis{0} || waits_ended_) return reply(from, SyncPage{{}, tail, false});
            // Signed out since its token was checked: a poll that waits is ended by that, one that comes too late may not wait.
            if (!user.find_device(request.actor.device))
                return refuse(from, {Code::unauthenticated, "the token is unknown, expired or revoked", {}});
            if (user.pollers.size() >= kPollersPerUser)
                return refuse(from, {Code::rate_limited, "too many polls of this account wait", Millis{1'000}});
            const auto deadline = clock_.tick() + std::min(request.wait, limits.long_poll_max);
            user.pollers.push_back({from, request.actor.device, request.cursor, limit, deadline});
            ++figures_.pollers;
            arrive(user);
            polling_.insert(user.id);
            come_online(user);
            return;
        }
        if (auto events = recent(user, request.cursor, limit)) {
            const auto last = events->back().cursor;
            return reply(from, SyncPage{std::move(*events), last, last < tail});
        }
        effects_.push_back(Read{LoadInboxPage{user.id, request.cursor, tail, limit, {}, 0, from}});
    });
}

void Engine::State::wake_pollers(UserState& user) {
    const auto tail = user.inbox.tail();
    for (const auto& each : std::exchange(user.pollers, {})) {
        --figures_.pollers;
        depart(user, each.device, clock_.tick());
        note_poll_end(user, each.device);
        if (auto events = recent(user, each.after, each.limit); events && !events->empty()) {
            const auto last = events->back().cursor;
            reply(each.to, SyncPage{std::move(*events), last, last < tail});
        } else {
            effects_.push_back(Read{LoadInboxPage{user.id, each.after, tail, each.limit, {}, 0, each.to}});
        }
    }
    polling_.erase(user.id);
    go_offline(user);
}

// Of this user, with nothing to tell.
template <typename IsOver>
void Engine::State::end_polls(UserState& user, IsOver is_over) {
    figures_.pollers -= std::erase_if(user.pollers, [&](const Poller& each) {
        if (!is_over(each)) return false;
        reply(each.to, SyncPage{{}, each.after, false});
        depart(user, each.device, clock_.tick());
        note_poll_end(user, each.device);
        return true;
    });
}

void Engine::State::on(const ReplyTo& from, EndPoll&& request) {
    with_user(from, request.user, [this, from, request](UserState& user) {
        const auto is_it = [&](const Poller& each) { return each.to.gateway == from.gateway && each.to.request == request.poll; };
        end_polls(user, is_it);
        if (!user.pollers.empty()) return;
        polling_.erase(user.id);
        go_offline(user);
    });
}

void Engine::State::end_waits() {
    waits_ended_ = true;
    end_long_polls();
}

void Engine::State::end_long_polls() {
    const auto now = clock_.tick();
    std::erase_if(polling_, [&](UserId id) {
        auto* user = users_.find(id);
        if (!user) return true;
        end_polls(*user, [&](const Poller& each) { return each.deadline <= now || waits_ended_; });
        if (user->pollers.empty()) go_offline(*user);
        return user->pollers.empty();
    });
}

void Engine::State::on(const ReplyTo& from, ListMentions&& request) { effects_.push_back(Read{Query{.to = from, .request = request}}); }

}  // namespace madang
