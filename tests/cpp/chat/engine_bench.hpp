// An engine on a bench: the store in memory, a clock that stands still, every read answered at once, every turn committed at once. What a
// request leads to is there when call() returns. One engine; the simulator (tests/sim) does the rest.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "chat/engine.hpp"
#include "chat/loads.hpp"
#include "chat/queries.hpp"
#include "store/memory_store.hpp"

namespace madang {

class EngineBench {
  public:
    explicit EngineBench(Limits limits = {}, std::vector<PushRule> pushes = {}, std::vector<CheckRule> checks = {})
        : limits_(limits), push_rules_(std::move(pushes)), checks_(std::move(checks)), clock_(Time{Millis{1'800'000'000'000}}) {
        restart();
    }

    void restart() {
        const auto epoch = store_.claim_all();
        EngineOptions options{.index = 0, .engines = 1, .worker = 0, .epoch = *epoch, .text_key = {}, .limits = limits_};
        options.pushes = push_rules_;
        options.checks = checks_;
        engine_.emplace(std::move(options), clock_, store_);
        events_.clear();
        engine_->start();
        run();
    }

    Result<Response> call(Request request) {
        const auto number = ++last_request_;
        engine_->handle({0, number}, std::move(request));
        run();
        const auto found = replies_.find(number);
        if (found == replies_.end()) return fail(Code::internal, "no answer yet");
        return found->second;
    }
    template <typename T>
    T get(Request request) {
        auto response = call(std::move(request));
        if (!response) ADD_FAILURE() << name_of(response.error().code) << ": " << response.error().detail;
        return response ? std::get<T>(*response) : T{};
    }
    std::optional<Code> error(Request request) {
        const auto response = call(std::move(request));
        return response ? std::nullopt : std::optional(response.error().code);
    }
    void tell(Request request) {
        engine_->handle({}, std::move(request));
        run();
    }
    std::uint64_t post(Request request) {  // no turn yet
        engine_->handle({0, ++last_request_}, std::move(request));
        return last_request_;
    }
    bool is_answered(std::uint64_t number) const { return replies_.contains(number); }
    Result<Response> answer(std::uint64_t number) const { return replies_.at(number); }

    Actor sign_up(const std::string& name) {
        const auto account = get<Account>(SignUp{.username = name, .display_name = {}, .password_hash = {}});
        return log_in(account.profile.id);
    }
    Actor log_in(UserId user) { return {user, get<SessionOpened>(OpenSession{.user = user, .device_name = "d", .platform = "p"}).device}; }
    SessionId attach(const Actor& actor, std::optional<Cursor> cursor = std::nullopt) {
        const SessionId session{++last_session_};
        users_[session] = actor.user;
        tell(Connect{session, 0, actor});
        tell(Attach{session, actor.user, cursor});
        return session;
    }
    Sent send(const Actor& actor, ConversationId to, const std::string& client_id, const std::string& text) {
        return get<Sent>(Send{.actor = actor, .conversation = to, .peer = {}, .client_id = client_id, .text = text});
    }
    std::vector<Event> sync(const Actor& actor, Cursor after = Cursor{}) {
        return get<SyncPage>(Sync{.actor = actor, .cursor = after}).events;
    }
    ConversationId direct(const Actor& a, const Actor& b) { return get<ConversationView>(CreateDirect{a, b.user}).conversation.id; }
    ConversationId group(const Actor& owner, std::vector<UserId> members) {
        return get<ConversationView>(CreateGroup{.actor = owner, .slot = 1, .title = "g", .members = std::move(members), .client_id = {}})
            .conversation.id;
    }

    void run() {
        do turn();
        while (engine_->wants_turn() || busy_);
    }
    void turn() {
        busy_ = false;
        auto turn = engine_->end_turn();
        for (const auto& job : turn.jobs) start(job);
        for (auto& call : turn.pushes) pushes_.push_back(std::move(call));
        if (!turn.batch.empty()) {
            busy_ = true;
            EXPECT_EQ(store_.append(turn.batch), Outcome::durable);
            rows_of_turns_.push_back(turn.batch.size());
        }
        engine_->on_durable(turn.ticket);
        for (auto& effect : turn.effects) carry_out(effect);
        for (const auto& call : turn.calls) {
            asked_.push_back(call);
            if (call.number == 0) continue;
            engine_->on_verdict(call.number, verdict ? verdict(call) : Verdict{});
            busy_ = true;
        }
    }

    Engine& engine() { return *engine_; }
    MemoryStore& store() { return store_; }
    ManualClock& clock() { return clock_; }
    std::vector<Event>& events(SessionId session) { return events_[session]; }  // what the socket got
    std::vector<Signal>& signals(SessionId session) { return signals_[session]; }
    std::vector<ResyncRequired>& resyncs(SessionId session) { return resyncs_[session]; }
    std::vector<CloseCode>& closes(SessionId session) { return closes_[session]; }
    std::vector<PushCall>& pushes() { return pushes_; }  // for the plugins
    std::map<SessionId, Cursor>& attached() { return attached_; }
    std::vector<std::size_t>& rows_of_turns() { return rows_of_turns_; }
    bool answers_pages = true;                         // false: a reader that does not read
    std::function<Verdict(const CheckCall&)> verdict;  // of the plugins; none = allow
    std::vector<CheckCall>& asked() { return asked_; }

  private:
    void start(const Job& job) {
        busy_ = true;
        if (const auto* query = std::get_if<Query>(&job)) {
            replies_.emplace(query->to.request, madang::answer(store_, limits_, *query));
        } else if (const auto* page = std::get_if<LoadInboxPage>(&job); page && page->poll) {
            replies_.emplace(page->poll->request, madang::answer(store_, limits_, *page));
        } else {
            engine_->on_loaded(load(store_, limits_, 0, 1, job));
        }
    }
    void carry_out(Effect& effect) {
        if (auto* reply = std::get_if<Reply>(&effect)) {
            EXPECT_TRUE(replies_.emplace(reply->to.request, std::move(reply->response)).second) << "answered twice";
        } else if (const auto* attached = std::get_if<Attached>(&effect)) {
            attached_[attached->session] = attached->cursor;
        } else if (auto* page = std::get_if<Events>(&effect)) {
            auto& got = events_[page->to.session];
            got.insert(got.end(), page->events.begin(), page->events.end());
            if (answers_pages) engine_->handle({}, Drained{page->to.session, user_of(page->to.session)}), busy_ = true;
        } else if (const auto* delivery = std::get_if<Delivery>(&effect)) {
            for (const auto& to : delivery->to) events_[to.session].push_back({to.cursor, to.role, delivery->entry});
        } else if (const auto* signalling = std::get_if<Signalling>(&effect)) {
            for (const auto& to : signalling->to) signals_[to.session].push_back(signalling->signal);
        } else if (const auto* resync = std::get_if<Resync>(&effect)) {
            resyncs_[resync->session].push_back(resync->why);
        } else if (const auto* close = std::get_if<CloseSocket>(&effect)) {
            closes_[close->session].push_back(close->code);
        } else if (const auto* read = std::get_if<Read>(&effect)) {
            start(read->job);
        } else {
            ADD_FAILURE() << "one engine has nobody to talk to";
        }
    }
    UserId user_of(SessionId session) const { return users_.at(session); }

    Limits limits_;
    std::vector<PushRule> push_rules_;
    std::vector<PushCall> pushes_;
    std::vector<CheckRule> checks_;
    std::vector<CheckCall> asked_;
    ManualClock clock_;
    MemoryStore store_;
    std::optional<Engine> engine_;
    bool busy_ = false;
    std::uint64_t last_request_ = 0;
    std::uint64_t last_session_ = 0;
    std::map<std::uint64_t, Result<Response>> replies_;
    std::map<SessionId, std::vector<Event>> events_;
    std::map<SessionId, std::vector<Signal>> signals_;
    std::map<SessionId, std::vector<ResyncRequired>> resyncs_;
    std::map<SessionId, std::vector<CloseCode>> closes_;
    std::map<SessionId, Cursor> attached_;
    std::map<SessionId, UserId> users_;
    std::vector<std::size_t> rows_of_turns_;
};

}  // namespace madang
