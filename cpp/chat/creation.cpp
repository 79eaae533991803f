// Making conversations: the people may live with other engines, so these are asked first (do they exist?), and only then one append is
// made.
#include <algorithm>

#include "base/text.hpp"
#include "chat/engine_state.hpp"
#include "chat/pair.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr Millis kAskRepeat{500};
constexpr Millis kAskDeadline{5'000};

// Why there can be no direct conversation.
Error no_direct(const Pair& pair) {
    if (pair.gone[0] || pair.gone[1]) return {Code::not_found, "no such user", {}};
    return {Code::blocked, "a block stands between you and this user", {}};
}

Error full() { return {Code::storage_full, "the server's disk is full", Millis{5'000}}; }

}  // namespace

// ---- asking people's engines ----------------------------------------------------------------------------------------------------------

void Engine::State::ask_users(UserId inviter, std::vector<UserId> users, Then<Result<Profiles>> then) {
    ask_users({.operation = 0, .users = std::move(users), .inviter = inviter, .purpose = AskUsers::Purpose::group}, std::move(then));
}

void Engine::State::ask_users(AskUsers question, Then<Result<Profiles>> then) {
    const auto number = ++last_operation_;
    auto& operation = operations_[number];
    operation.waiting = std::exchange(question.users, {});
    operation.question = std::move(question);
    operation.question.operation = number;
    operation.deadline = clock_.tick() + kAskDeadline;
    operation.then = std::move(then);
    ask(number);
}

void Engine::State::ask(std::uint64_t number) {
    auto& operation = operations_.at(number);
    operation.repeat_at = clock_.tick() + kAskRepeat;
    std::map<EngineIndex, AskUsers> asks;
    for (const auto user : operation.waiting) {
        auto& each = asks.try_emplace(engine_of(user), operation.question).first->second;
        each.users.push_back(user);
    }
    // The own engine last: it may answer at once and end the operation.
    for (auto& [engine, each] : asks)
        if (engine != options_.index) effects_.push_back(ToEngine{engine, std::move(each)});
    if (auto own = asks.find(options_.index); own != asks.end()) on_ask(options_.index, std::move(own->second));
}

bool Engine::State::refuses(const UserState& user, const AskUsers& question, const Limits& limits) {
    const auto other = user.id == question.inviter ? question.peer : question.inviter;
    const auto* relation = user.relations.find(other);
    switch (question.purpose) {
        case AskUsers::Purpose::profile: return false;
        case AskUsers::Purpose::group: return relation && relation->blocks;
        case AskUsers::Purpose::befriend: return (!relation || relation->is_neutral()) && user.relations.friends() >= limits.friends;
        case AskUsers::Purpose::block:
            return user.id == question.inviter && (!relation || !relation->blocks) && user.relations.blocks() >= limits.blocks;
    }
    return false;
}

Error Engine::State::refusal(const AskUsers& question, UserId who) const {
    const auto& limits = options_.limits;
    if (question.purpose == AskUsers::Purpose::group) return {Code::blocked, "user " + to_string(who) + " can't be added by you", {}};
    if (question.purpose == AskUsers::Purpose::block)
        return {Code::bad_request, "a user blocks at most " + std::to_string(limits.blocks) + " others", {}};
    const auto has = std::to_string(limits.friends) + " friends and requests, which is the most there may be";
    return {Code::bad_request, (who == question.inviter ? "you have " : "this user has ") + has, {}};
}

void Engine::State::on_ask(EngineIndex from, AskUsers question) {
    // Each user is answered as soon as it is known: those in memory together and now.
    const auto judge = [this](const UserState& user, const AskUsers& asked, UsersAnswer& answer) {
        if (is_deleted(user.account.profile))
            answer.missing.push_back(user.id);
        else if (refuses(user, asked, options_.limits))
            answer.refused.push_back(user.id);
        else
            answer.found.push_back(user.account.profile);
    };
    UsersAnswer now{.operation = question.operation, .found = {}, .missing = {}};
    std::vector<UserId> cold;
    for (const auto id : std::exchange(question.users, {})) {
        if (const auto* user = users_.find(id))
            judge(*user, question, now);
        else
            cold.push_back(id);
    }
    const auto send = [this, from](UsersAnswer answer) {
        if (from == options_.index)
            on_answer(std::move(answer));
        else
            effects_.push_back(ToEngine{from, std::move(answer)});
    };
    for (const auto id : cold) {
        when_loaded(id, [question, id, judge, send](Result<UserState*> user) {
            if (!user) return;  // unreadable: the asker's deadline decides
            UsersAnswer answer{.operation = question.operation, .found = {}, .missing = {}};
            if (*user)
                judge(**user, question, answer);
            else
                answer.missing.push_back(id);
            send(std::move(answer));
        });
    }
    if (!now.found.empty() || !now.refused.empty() || !now.missing.empty()) send(std::move(now));
}

void Engine::State::on_answer(UsersAnswer answer) {
    const auto found = operations_.find(answer.operation);
    if (found == operations_.end()) return;
    auto& operation = found->second;
    for (auto& profile : answer.found) {
        std::erase(operation.waiting, profile.id);
        operation.found.emplace(profile.id, std::move(profile));
    }
    for (const auto id : answer.missing)
        if (std::erase(operation.waiting, id) > 0) operation.missing.push_back(id);
    for (const auto id : answer.refused)
        if (std::erase(operation.waiting, id) > 0) operation.refused.push_back(id);
    if (!operation.waiting.empty()) return;
    auto done = std::move(operation);
    operations_.erase(found);
    if (!done.missing.empty()) return done.then(fail(Code::not_found, "no such user: " + to_string(done.missing.front())));
    if (!done.refused.empty()) return done.then(std::unexpected(refusal(done.question, done.refused.front())));
    done.then(std::move(done.found));
}

void Engine::State::repeat_asks() {
    const auto now = clock_.tick();
    std::vector<std::uint64_t> late, again;
    for (const auto& [number, operation] : operations_) {
        if (operation.deadline <= now)
            late.push_back(number);
        else if (operation.repeat_at <= now)
            again.push_back(number);
    }
    for (const auto number : again)
        if (operations_.contains(number)) ask(number);
    for (const auto number : late) {
        auto done = operations_.extract(number);
        if (done) done.mapped().then(fail(Code::unavailable, "the people's servers did not answer in time", Millis{1'000}));
    }
}

// ---- making -----------------------------------------------------------------------------------------------------------------------------

Result<std::optional<ConversationId>> Engine::State::find_created(const std::string& key) const {
    if (const auto flying = id_in_flight(Table::creation_key, key)) return ConversationId{*flying};
    const auto stored = store_.get(Table::creation_key, key);
    if (!stored) return std::unexpected(stored.error());
    if (!*stored) return std::nullopt;
    const auto id = decode_id(**stored);
    if (!id) return std::unexpected(id.error());
    return ConversationId{*id};
}

ConversationId Engine::State::new_conversation_id(Slot slot) {
    // The look is a guard against a wall clock that went back over a restart: an id is never given twice.
    while (true) {
        const auto id = ids_.conversation(slot);
        if (!conversations_.find(id) && !store_.get(Table::conversation, conversation_key(id)).value_or(std::nullopt)) return id;
    }
}

ConversationState& Engine::State::create(Conversation conversation, std::vector<Member> members) {
    const auto id = conversation.id;
    auto& state =
        conversations_.insert(id, std::make_unique<ConversationState>(ConversationLog(std::move(conversation), std::move(members))));
    put_conversation_row(state);
    for (const auto& member : state.log.members()) put_member_row(state, member.user.id);
    for (const auto& entry : state.log.append_creation(clock_.now())) publish(state, entry);
    return state;
}

void Engine::State::with_direct(const ReplyTo& from, const Actor& actor, UserId peer, ThenDirect then) {
    when_direct(actor, peer, [this, from, then = std::move(then)](Result<ConversationState*> direct, bool made_here) mutable {
        if (!direct) return refuse(from, direct.error());
        if (!*direct) return refuse(from, {Code::not_found, "no such conversation", {}});
        then(**direct, made_here);
    });
}

void Engine::State::when_direct(const Actor& actor, UserId peer, WhenDirect then) {
    if (actor.user == peer) return then(fail(Code::bad_request, "a direct conversation needs somebody else"), false);
    const auto known = find_pair(actor.user, peer);
    if (!known) return then(std::unexpected(known.error()), false);
    if (known->direct)
        return when_loaded(known->direct, [then = std::move(then)](Result<ConversationState*> found) mutable { then(found, false); });
    if (known->is_closed()) return then(std::unexpected(no_direct(*known)), false);
    if (!store_.has_space()) return then(std::unexpected(full()), false);
    const auto pair = ordered(actor.user, peer);
    auto& waiting = directs_in_creation_[pair];
    const bool is_first = waiting.empty();
    waiting.push_back([is_first, then = std::move(then)](Result<ConversationState*> made) mutable { then(made, is_first); });
    if (!is_first) return;  // the first one asks for all
    ask_users({.operation = 0, .users = {actor.user, peer}, .inviter = actor.user},
              [this, creator = actor.user, peer](Result<Profiles> people) { direct_made(creator, peer, std::move(people)); });
}

void Engine::State::direct_made(UserId creator, UserId peer, Result<Profiles> people) {
    Result<ConversationState*> made = nullptr;
    auto pair = find_pair(creator, peer);
    if (!people) {
        made = std::unexpected(people.error());
    } else if (!pair) {
        made = std::unexpected(pair.error());
    } else if (pair->is_closed()) {
        made = std::unexpected(no_direct(*pair));
    } else {
        std::vector<Member> members;
        for (auto& [id, profile] : *people) members.push_back({.user = std::move(profile), .stays = {{Seq{1}, Seq{}}}});
        Conversation conversation{
            .id = new_conversation_id(slot_of_pair(creator, peer)), .kind = ConversationKind::direct, .title = {}, .creator = creator};
        conversation.created_at = clock_.now();
        const auto id = conversation.id;
        pair->direct = id;
        put_pair(creator, peer, *pair);
        made = &create(std::move(conversation), std::move(members));
    }
    auto waiting = directs_in_creation_.extract(ordered(creator, peer));
    for (auto& each : waiting.mapped()) each(made);
}

void Engine::State::on(const ReplyTo& from, CreateDirect&& request) {
    with_direct(from, request.actor, request.peer, [this, from, me = request.actor.user](ConversationState& conversation, bool made_here) {
        answer_view(from, conversation, me, made_here);
    });
}

void Engine::State::on(const ReplyTo& from, CreateGroup&& request) {
    const auto& limits = options_.limits;
    if (code_points(request.title) > limits.title_chars)
        return refuse(from, {Code::bad_request, "title is longer than " + std::to_string(limits.title_chars) + " characters", {}});
    if (code_points(request.client_id) > 64) return refuse(from, {Code::bad_request, "client_id is longer than 64 characters", {}});
    const auto creator = request.actor.user;
    const auto key = request.client_id.empty() ? std::string{} : creation_key(creator, request.client_id);
    if (!key.empty()) {
        const auto known = find_created(key);
        if (!known) return refuse(from, known.error());
        if (*known) {
            return with_conversation(from, **known, [this, from, creator](ConversationState& conversation) {
                if (const auto member = conversation.log.require_member(creator); !member) return refuse(from, member.error());
                answer_view(from, conversation, creator);
            });
        }
    }
    auto people = request.members;
    people.push_back(creator);
    std::ranges::sort(people);
    people.erase(std::ranges::unique(people).begin(), people.end());
    if (people.size() > limits.group_members)
        return refuse(from, {Code::group_full, "a group has at most " + std::to_string(limits.group_members) + " members", {}});
    if (!store_.has_space()) return refuse(from, full());
    if (!key.empty()) {
        const auto [waiting, first] = groups_in_creation_.try_emplace(key);
        if (!first) {  // a repeat while the first one is being made: looked up again when that has ended
            waiting->second.push_back([this, from, request]() mutable { on(from, std::move(request)); });
            return;
        }
    }
    const auto slot = madang::slot_of(Request(request));
    ask_users(creator, std::move(people),
              [this, from, key, creator, slot, title = std::move(request.title)](Result<Profiles> found) mutable {
                  if (!found) {
                      refuse(from, found.error());
                  } else {
                      std::vector<Member> members;
                      for (auto& [id, profile] : *found)
                          members.push_back(
                              {.user = std::move(profile), .role = id == creator ? Role::owner : Role::member, .stays = {{Seq{1}, Seq{}}}});
                      Conversation conversation{
                          .id = new_conversation_id(slot), .kind = ConversationKind::group, .title = std::move(title), .creator = creator};
                      conversation.created_at = clock_.now();
                      if (!key.empty()) {
                          put_id(Table::creation_key, key, conversation.id.value, slot);
                          remember_in_flight(Table::creation_key, key, conversation.id.value);
                      }
                      auto view = create(std::move(conversation), std::move(members)).log.view_of(creator);
                      view.created = true;
                      reply(from, std::move(view));
                  }
                  if (auto waiting = groups_in_creation_.extract(key); !waiting.empty())
                      for (auto& each : waiting.mapped()) each();
              });
}

}  // namespace madang
