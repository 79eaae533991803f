// For users of this engine who watch others: by a socket's list while the socket is open, and their friends while they are online. The
// watched one's engine decides whether they may; its verdict is kept until the circle of the watched one or the watcher's own memberships
// and relations change.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"

namespace madang {
namespace {

constexpr std::size_t kAsksATick = 200;  // watchers
constexpr Millis kQueryLasts{5'000};

PresenceSignal shown(UserId user, bool visible, const PresenceState& state) {
    if (!visible) return {user, false, {}};
    return {user, state.online, state.last_active_at};
}

bool lists(const Subscription& subscription, UserId other) {
    return subscription.watch && std::ranges::binary_search(subscription.watch->users, other);
}

bool is_unanswered(const Subscription& subscription, UserId other) {
    return subscription.watch && std::ranges::find(subscription.watch->unanswered, other) != subscription.watch->unanswered.end();
}

}  // namespace

Watcher* WatchedPresence::find(UserId user) {
    const auto place = std::ranges::lower_bound(watchers, user, {}, &Watcher::user);
    return place == watchers.end() || place->user != user ? nullptr : &*place;
}

std::vector<ConversationId> Engine::State::newest_conversations(const UserState& user) const {
    std::vector<std::pair<Cursor, ConversationId>> rows;
    for (const auto& row : user.inbox.conversations())
        if (!row.left) rows.emplace_back(row.last_cursor, row.conversation_id);
    const auto count = std::min(rows.size(), kSharedConversations);
    std::ranges::partial_sort(rows, rows.begin() + static_cast<std::ptrdiff_t>(count), std::greater{});
    std::vector<ConversationId> newest;
    for (std::size_t i = 0; i < count; ++i) newest.push_back(rows[i].second);
    return newest;
}

// ---- who watches whom -----------------------------------------------------------------------------------------------------------------

void Engine::State::on(const ReplyTo& from, Watch&& request) {
    with_user(from, request.actor.user, [this, from, request = std::move(request)](UserState& user) mutable {
        const auto socket = std::ranges::find(user.subscriptions, request.session, &Subscription::session);
        if (socket == user.subscriptions.end()) return refuse(from, {Code::bad_request, "the socket is closed", {}});
        auto& users = request.users;
        std::ranges::sort(users);
        users.erase(std::ranges::unique(users).begin(), users.end());
        if (users.size() > kWatchUsersMax)
            return refuse(from, {Code::bad_request, "more than " + std::to_string(kWatchUsersMax) + " users", {}});
        if (watching_.watched.size() + users.size() > kWatchedUsersMax)
            return refuse(from, {Code::unavailable, "too many users are watched", Millis{5'000}});
        reply(from, Done{});
        auto before = std::exchange(socket->watch, nullptr);
        if (!users.empty()) socket->watch = std::make_unique<SocketWatch>(SocketWatch{users, users});
        for (const auto other : users) watch(user, other);
        if (before) unwatch_all(user, before->users);
        // What was not answered yet was not told as of a friend either.
        if (before && !before->unanswered.empty()) want_greeting(user, *socket);
        for (const auto other : users) {
            auto& watched = watching_.watched.at(other);
            auto& watcher = *watched.find(user.id);
            if (watched.is_known && watcher.verdict != Watcher::Verdict::unknown)
                answer_sockets(user, other, shown(other, watcher.verdict == Watcher::Verdict::visible, watched.state), watcher);
        }
        ask_undecided();
    });
}

bool Engine::State::watches(const UserState& user, UserId other) const {
    if (user.presence.online && are_friends(user, other)) return true;
    return std::ranges::any_of(user.subscriptions, [&](const Subscription& each) { return lists(each, other); });
}

void Engine::State::watch(UserState& user, UserId other) {
    if (watching_.watched.size() >= kWatchedUsersMax && !watching_.watched.contains(other)) return;  // a friend: to be asked for
    const auto [place, is_new] = watching_.watched.try_emplace(other);
    auto& watched = place->second;
    if (is_new) {
        watched.renew_at = clock_.tick() + kLeaseRenewed;
        watching_.renewals.emplace_back(watched.renew_at, other);
    }
    const auto at = std::ranges::lower_bound(watched.watchers, user.id, {}, &Watcher::user);
    if (at != watched.watchers.end() && at->user == user.id) return;
    watched.watchers.insert(at, Watcher{user.id});
    watching_.undecided[user.id].users.insert(other);
}

void Engine::State::unwatch(UserState& user, UserId other) {
    const auto found = watching_.watched.find(other);
    if (found == watching_.watched.end() || watches(user, other)) return;
    std::erase_if(found->second.watchers, [&](const Watcher& each) { return each.user == user.id; });
    if (found->second.watchers.empty()) watching_.watched.erase(found);
    decided(user.id, other);
}

void Engine::State::unwatch_all(UserState& user, const std::vector<UserId>& others) {
    for (const auto other : others) unwatch(user, other);
}

// ---- who may ----------------------------------------------------------------------------------------------------------------------------

void Engine::State::decided(UserId watcher, UserId other) {
    const auto found = watching_.undecided.find(watcher);
    if (found == watching_.undecided.end()) return;
    found->second.users.erase(other);
    if (found->second.users.empty()) watching_.undecided.erase(found);
}

void Engine::State::decide_again(UserState& user, UserId other) {
    const auto found = watching_.watched.find(other);
    auto* watcher = found == watching_.watched.end() ? nullptr : found->second.find(user.id);
    if (!watcher) return;
    watcher->verdict = Watcher::Verdict::unknown;
    auto& undecided = watching_.undecided[user.id];
    undecided.users.insert(other);
    undecided.ask_at = {};
}

void Engine::State::decide_again(UserState& user) {
    for (const auto& each : user.subscriptions)
        if (each.watch)
            for (const auto other : each.watch->users) decide_again(user, other);
}

void Engine::State::ask_undecided() {
    const auto now = clock_.tick();
    std::vector<std::pair<EngineIndex, AskPresence>> questions;
    std::size_t watchers = 0;
    for (auto& [id, undecided] : watching_.undecided) {
        if (undecided.ask_at > now) continue;
        if (++watchers > kAsksATick) break;
        undecided.ask_at = now + kAskedAgain;
        const auto* user = users_.find(id);
        if (!user) continue;
        std::map<EngineIndex, std::vector<UserId>> by_engine;
        for (const auto other : undecided.users) by_engine[engine_of(other)].push_back(other);
        const auto conversations = newest_conversations(*user);
        for (auto& [engine, others] : by_engine)
            questions.emplace_back(
                engine,
                AskPresence{.operation = 0, .watcher = id, .conversations = conversations, .share = false, .users = std::move(others)});
    }
    for (auto& [engine, question] : questions) send_question(engine, std::move(question));
}

void Engine::State::send_question(EngineIndex to, AskPresence question) {
    if (to == options_.index)
        take_question(to, std::move(question));
    else
        effects_.push_back(ToEngine{to, std::move(question)});
}

void Engine::State::take_answer(const PresenceAnswer& answer) {
    if (answer.operation == 0) {
        if (auto* user = users_.find(answer.watcher))
            for (const auto& item : answer.items) take_verdict(*user, item);
        return;
    }
    const auto found = watching_.queries.find(answer.operation);
    if (found == watching_.queries.end()) return;
    auto& query = found->second;
    for (const auto& item : answer.items) {
        const auto now = shown(item.user, item.visible, item.state);
        if (query.found.try_emplace(item.user, now).second) note_answered(query.watcher, item, now);
    }
    if (query.found.size() < query.users.size()) return;
    PresencePage page{{}, query.next};
    for (const auto id : query.users) page.presence.push_back(query.found.at(id));
    reply(query.from, std::move(page));
    watching_.queries.erase(found);
}

// Somebody who watches may learn by a question what was not pushed yet. When it is over before that, they still have to hear of it.
void Engine::State::note_answered(UserId asker, const PresenceAnswer::Item& item, const PresenceSignal& now) {
    const auto found = watching_.watched.find(item.user);
    auto* watcher = found == watching_.watched.end() ? nullptr : found->second.find(asker);
    if (!watcher) return;
    if (watcher->told == (now.online ? Watcher::Told::online : Watcher::Told::offline)) return;
    watcher->told = Watcher::Told::mixed;
    queue_telling(item.user, found->second);
}

void Engine::State::take_verdict(UserState& user, const PresenceAnswer::Item& item) {
    const auto found = watching_.watched.find(item.user);
    if (found == watching_.watched.end()) return;
    auto& watched = found->second;
    auto* watcher = watched.find(user.id);
    if (!watcher || item.state.circle < watched.state.circle) return;  // of an older circle: it is asked again
    learn(item.user, watched, item.state);
    watcher->verdict = item.visible ? Watcher::Verdict::visible : Watcher::Verdict::hidden;
    decided(user.id, item.user);
    const auto now = shown(item.user, item.visible, watched.state);
    answer_sockets(user, item.user, now, *watcher);
    if (watcher->told != (now.online ? Watcher::Told::online : Watcher::Told::offline)) queue_telling(item.user, watched);
}

void Engine::State::learn(UserId other, WatchedPresence& watched, const PresenceState& news) {
    auto& state = watched.state;
    if (!watched.is_known || news.version > state.version) {
        state.online = news.online, state.last_active_at = news.last_active_at, state.version = news.version;
        watched.is_known = true;
        queue_telling(other, watched);
    }
    if (news.circle <= state.circle) return;
    state.circle = news.circle;
    for (auto& each : watched.watchers) {
        each.verdict = Watcher::Verdict::unknown;
        auto& undecided = watching_.undecided[each.user];
        undecided.users.insert(other);
        undecided.ask_at = {};
    }
}

void Engine::State::take_states(const PresenceStates& message) {
    for (const auto& item : message.items)
        if (const auto found = watching_.watched.find(item.user); found != watching_.watched.end())
            learn(item.user, found->second, item.state);
}

void Engine::State::renew_leases() {
    const auto now = clock_.tick();
    std::map<EngineIndex, std::vector<LeasePresence>> messages;
    auto& renewals = watching_.renewals;
    while (!renewals.empty() && renewals.front().first <= now) {
        const auto [at, other] = renewals.front();
        renewals.pop_front();
        const auto found = watching_.watched.find(other);
        if (found == watching_.watched.end() || found->second.renew_at != at) continue;
        auto& watched = found->second;
        watched.renew_at = now + kLeaseRenewed;
        renewals.emplace_back(watched.renew_at, other);
        if (mutant(Mutant::lost_lease)) continue;
        auto& to = messages[engine_of(other)];
        if (to.empty() || to.back().items.size() >= kPresenceItems) to.emplace_back();
        to.back().items.push_back({other, watched.state.version, watched.state.circle});
    }
    for (auto& [engine, leases] : messages)
        for (auto& lease : leases)
            if (engine == options_.index)
                take_lease(engine, lease);
            else
                effects_.push_back(ToEngine{engine, std::move(lease)});
}

// ---- telling ----------------------------------------------------------------------------------------------------------------------------

// Sockets that wait for a first answer get it. Those of the user's that already had one hear of a difference in their turn.
void Engine::State::answer_sockets(UserState& user, UserId other, const PresenceSignal& now, Watcher& watcher) {
    Signalling answers{now, {}};
    bool others = false;
    const bool is_friend = are_friends(user, other);
    for (auto& each : user.subscriptions) {
        if (is_unanswered(each, other)) {
            std::erase(each.watch->unanswered, other);
            answers.to.push_back({each.gateway, each.session});
        } else {
            others |= lists(each, other) || (is_friend && each.is_present);
        }
    }
    if (answers.to.empty()) return;
    const auto told = now.online ? Watcher::Told::online : Watcher::Told::offline;
    if (!others)
        watcher.told = told;
    else if (watcher.told != told)
        watcher.told = Watcher::Told::mixed;
    figures_.presence_signals += answers.to.size();
    effects_.push_back(std::move(answers));
}

void Engine::State::queue_telling(UserId other, WatchedPresence& watched) {
    if (std::exchange(watched.is_queued, true)) {
        ++figures_.presence_coalesced;
        return;
    }
    watching_.queue.push_back(other);
}

// A part each turn, so that the messages that come meanwhile don't wait for all.
void Engine::State::tell_presence() {
    if (!has_presence_to_tell()) return;
    const auto now = clock_.tick();
    auto& queue = watching_.queue;
    auto& greetings = watching_.greetings;
    const auto whole = std::min(watching_.allowance, kPresenceSignalsATurn);
    std::size_t share = (whole + 1) / 2;  // a crowd that comes doesn't hold up who is told of changes
    std::size_t budget = whole - share;
    while (!greetings.empty() && share > 0 && greet(greetings.front(), share)) greetings.pop_front();
    budget += share;
    for (auto looks = queue.size(); looks > 0 && budget > 0; --looks) {
        const auto other = queue.front();
        queue.pop_front();
        const auto found = watching_.watched.find(other);
        if (found == watching_.watched.end() || !found->second.is_queued) continue;
        auto& watched = found->second;
        if (now < watched.tell_at) {
            queue.push_back(other);
            continue;
        }
        watched.is_queued = false;
        watched.tell_at = now + kPresenceCoalesced;
        if (tell_watchers(other, watched, budget)) continue;
        watched.is_queued = true;  // the rest in the next tick
        watched.tell_at = now;
        queue.push_front(other);
    }
    watching_.allowance = budget > 0 && greetings.empty() ? 0 : watching_.allowance - (whole - budget);
}

// One waits for a socket, however often it asks.
void Engine::State::want_greeting(const UserState& user, Subscription& socket) {
    if (!socket.is_present || user.relations.all().empty() || mutant(Mutant::no_greeting)) return;
    if (socket.greeting != Subscription::Greeting::none) {
        socket.greeting = Subscription::Greeting::due_again;
        return;
    }
    socket.greeting = Subscription::Greeting::due;
    watching_.greetings.push_back({user.id, socket.session, UserId{}});
}

// False: the budget was too small for all.
bool Engine::State::greet(Greeting& greeting, std::size_t& budget) {
    auto* user = users_.find(greeting.user);
    if (!user) return true;
    const auto socket = std::ranges::find(user->subscriptions, greeting.session, &Subscription::session);
    if (socket == user->subscriptions.end() || !socket->is_present) return true;
    const auto is_alone = user->subscriptions.size() == 1;
    const auto relations = user->relations.all();
    for (auto at = std::ranges::upper_bound(relations, greeting.after, {}, &Relation::other); at != relations.end(); ++at) {
        if (budget == 0) return false;
        const auto other = greeting.after = at->other;
        const auto found = watching_.watched.find(other);
        if (found == watching_.watched.end() || !are_friends(*user, other) || lists(*socket, other)) continue;
        auto& watched = found->second;
        auto* watcher = watched.find(user->id);
        if (!watcher) continue;
        if (watcher->verdict == Watcher::Verdict::visible && watched.state.online) {
            if (watcher->told == Watcher::Told::offline) watcher->told = is_alone ? Watcher::Told::online : Watcher::Told::mixed;
            ++figures_.presence_signals, --budget;
            effects_.push_back(Signalling{shown(other, true, watched.state), {{socket->gateway, socket->session}}});
        } else if (watcher->told != Watcher::Told::offline) {
            // An earlier socket was told that the friend is online, and nobody was there when that ended; or it isn't known whether it has.
            watcher->told = Watcher::Told::mixed;
            queue_telling(other, watched);
        }
    }
    if (std::exchange(socket->greeting, Subscription::Greeting::none) == Subscription::Greeting::due_again) want_greeting(*user, *socket);
    return true;
}

// A friend, or no longer. In between, sockets with a list have heard of the other and those without haven't. These are told of nothing more
// when a friendship ends: the last that they hear is that they see nobody.
void Engine::State::change_listeners(const UserState& user, UserId other) {
    const auto found = watching_.watched.find(other);
    auto* watcher = found == watching_.watched.end() ? nullptr : found->second.find(user.id);
    if (!watcher || watcher->told == Watcher::Told::offline) return;
    watcher->told = Watcher::Told::mixed;
    if (are_friends(user, other)) return;
    Signalling gone{shown(other, false, {}), {}};
    for (const auto& each : user.subscriptions)
        if (each.is_present && !lists(each, other)) gone.to.push_back({each.gateway, each.session});
    figures_.presence_signals += gone.to.size();
    if (!gone.to.empty()) effects_.push_back(std::move(gone));
}

// False: the budget was too small for all.
bool Engine::State::tell_watchers(UserId other, WatchedPresence& watched, std::size_t& budget) {
    Signalling visible{shown(other, true, watched.state), {}}, hidden{shown(other, false, watched.state), {}};
    bool all = true;
    for (auto& watcher : watched.watchers) {
        if (watcher.verdict == Watcher::Verdict::unknown) continue;
        const bool may_see = watcher.verdict == Watcher::Verdict::visible;
        const auto told = may_see && watched.state.online ? Watcher::Told::online : Watcher::Told::offline;
        if (watcher.told == told) continue;
        const auto* user = users_.find(watcher.user);
        if (!user) continue;
        if (budget == 0) {
            all = false;
            break;
        }
        const bool is_friend = are_friends(*user, other);
        bool is_heard = false;  // by nobody: who comes next is greeted
        for (const auto& each : user->subscriptions) {
            if (is_unanswered(each, other) || !(lists(each, other) || (is_friend && each.is_present))) continue;
            (may_see ? visible : hidden).to.push_back({each.gateway, each.session});
            is_heard = true;
            if (budget > 0) --budget;
        }
        if (is_heard) watcher.told = told;
    }
    for (auto* signalling : {&visible, &hidden}) {
        figures_.presence_signals += signalling->to.size();
        if (!signalling->to.empty()) effects_.push_back(std::move(*signalling));
    }
    return all;
}

// ---- on demand --------------------------------------------------------------------------------------------------------------------------

void Engine::State::on(const ReplyTo& from, GetPresence&& request) {
    with_user(from, request.actor.user, [this, from, request = std::move(request)](UserState& user) mutable {
        if (request.users.size() > options_.limits.page_items)
            return refuse(from, {Code::bad_request, "more than " + std::to_string(options_.limits.page_items) + " users", {}});
        PresenceQuery query{.from = from, .watcher = user.id, .conversations = newest_conversations(user)};
        for (const auto id : request.users)
            if (std::ranges::find(query.users, id) == query.users.end()) query.users.push_back(id);
        begin_query(std::move(query));
    });
}

void Engine::State::on(const ReplyTo& from, ListPresence&& request) {
    with_conversation(from, request.conversation, [this, from, request](ConversationState& conversation) {
        if (const auto member = conversation.log.require_member(request.actor.user); !member) return refuse(from, member.error());
        PresenceQuery query{.from = from, .watcher = request.actor.user, .conversations = {}, .share = true};
        const std::size_t limit = std::clamp(request.limit, 1u, options_.limits.page_items);
        for (const auto& member : conversation.log.members()) {
            if (!member.present() || (request.after && member.user.id <= *request.after)) continue;
            if (query.users.size() == limit) {
                query.next = query.users.back();
                break;
            }
            query.users.push_back(member.user.id);
        }
        begin_query(std::move(query));
    });
}

void Engine::State::begin_query(PresenceQuery query) {
    if (query.users.empty()) return reply(query.from, PresencePage{});
    if (watching_.queries.size() >= options_.limits.parked_requests)
        return refuse(query.from, {Code::unavailable, "too many requests wait for other engines", Millis{200}});
    const auto number = ++watching_.last_query;
    query.deadline = clock_.tick() + kQueryLasts;
    watching_.queries.emplace(number, std::move(query));
    ask_presence(number);
}

void Engine::State::ask_presence(std::uint64_t number) {
    auto& query = watching_.queries.at(number);
    query.repeat_at = clock_.tick() + kAskedAgain;
    std::map<EngineIndex, std::vector<UserId>> by_engine;
    for (const auto id : query.users)
        if (!query.found.contains(id)) by_engine[engine_of(id)].push_back(id);
    const AskPresence question{number, query.watcher, query.conversations, query.share, {}};
    for (auto& [engine, users] : by_engine) {  // the last answer may be given at once, and end the query
        auto one = question;
        one.users = std::move(users);
        send_question(engine, std::move(one));
    }
}

void Engine::State::end_queries() {
    const auto now = clock_.tick();
    std::vector<std::uint64_t> late, again;
    for (const auto& [number, query] : watching_.queries) {
        if (query.deadline <= now)
            late.push_back(number);
        else if (query.repeat_at <= now)
            again.push_back(number);
    }
    for (const auto number : again)
        if (watching_.queries.contains(number)) ask_presence(number);
    for (const auto number : late)
        if (const auto query = watching_.queries.extract(number))
            refuse(query.mapped().from, {Code::unavailable, "the users' engines did not answer in time", Millis{1'000}});
}

}  // namespace madang
