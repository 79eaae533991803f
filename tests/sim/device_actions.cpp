// What people do while faults happen, by weight.
#include <array>

#include "device.hpp"

namespace madang::sim {
namespace {

// Will the same request get another answer later?
bool is_definite(const std::optional<Result<Response>>& answer) {
    if (!answer) return false;
    if (*answer) return true;
    const auto code = answer->error().code;
    return code != Code::muted && code != Code::internal && code != Code::unavailable && code != Code::storage_full &&
           code != Code::rate_limited && code != Code::plugin_unavailable;
}

}  // namespace

void Device::do_something() {
    if (person_.is_stranger) return trespass();
    struct Choice {
        unsigned weight;
        void (Device::*act)();
    };
    static constexpr std::array choices{
        Choice{40, &Device::send},
        Choice{6, &Device::resend},
        Choice{4, &Device::send_many},
        Choice{2, &Device::change_account},
        Choice{2, &Device::send_other_text},
        Choice{4, &Device::create_group},
        Choice{2, &Device::create_again},
        Choice{3, &Device::create_direct},
        Choice{12, &Device::change_members},
        Choice{3, &Device::change_conversation},
        Choice{6, &Device::read_history},
        Choice{6, &Device::read_lists},
        Choice{10, &Device::acknowledge},
        Choice{2, &Device::register_push},
        Choice{1, &Device::sign_out},
        Choice{6, &Device::attach_again},
        Choice{16, &Device::revise},
        Choice{12, &Device::mark_read},
        Choice{3, &Device::update_view},
        Choice{5, &Device::watch},
        Choice{2, &Device::ask_presence},
        Choice{3, &Device::type},
        Choice{4, &Device::mute_somebody},
        Choice{1, &Device::hand_over},
        Choice{2, &Device::ban_somebody},
        Choice{1, &Device::lift_ban},
        Choice{1, &Device::read_admission},
        Choice{3, &Device::make_link},
        Choice{6, &Device::join_by_link},
        Choice{1, &Device::revoke_link},
        Choice{10, &Device::change_relation},
        Choice{2, &Device::read_relations},
    };
    constexpr unsigned total = [] {
        unsigned sum = 0;
        for (const auto& choice : choices) sum += choice.weight;
        return sum;
    }();
    if (polls_ && context_.dice.chance(0.3)) return poll(context_.dice.chance(0.4) ? 300ms : 0ms);
    auto at = context_.dice.below(total);
    for (const auto& choice : choices) {
        if (at < choice.weight) return (this->*choice.act)();
        at -= choice.weight;
    }
}

std::optional<ConversationId> Device::some_conversation() {
    for (int tries = 0; tries < 4 && !town_.conversations.empty(); ++tries) {
        const auto conversation = context_.dice.pick(town_.conversations);
        if (model_.knows(person_.id, conversation)) return conversation;
    }
    return std::nullopt;
}

Person* Device::some_peer() {
    auto* person = context_.dice.pick(town_.people);
    return person->id && person != &person_ && !person->is_stranger ? person : nullptr;
}

std::string Device::new_text() {
    auto text = person_.username + " says " + std::to_string(++person_.last_text) + ";";  // no text is part of another
    if (context_.dice.chance(0.25)) text += " @person" + std::to_string(context_.dice.below(context_.plan.people));
    if (context_.dice.chance(0.05)) text += " @all";
    if (context_.dice.chance(0.02)) text.append(context_.plan.limits.text_chars, '!');
    if (context_.dice.chance(0.1)) text.append(context_.dice.below(200), '.');
    return text;
}

std::string Device::new_client_id() { return "c" + std::to_string(++person_.last_client_id); }

// ---- sending ----------------------------------------------------------------------------------------------------------------------------

void Device::send() {
    if (person_.unsent.size() + busy_ > 12) return resend();
    Send request;
    request.actor = actor();
    const auto* peer = context_.dice.chance(0.25) ? some_peer() : nullptr;
    if (peer) {
        request.peer = context_.dice.chance(0.02) ? kGhost : peer->id;
    } else if (const auto conversation = some_conversation()) {
        request.conversation = *conversation;
    } else {
        return create_group();
    }
    request.text = new_text();
    request.client_id = new_client_id();
    // The same client id in another conversation is another message.
    if (!peer && context_.dice.chance(0.1) && !person_.sent.empty()) {
        const auto& other = context_.dice.pick(person_.sent);
        if (!other.peer && other.conversation != request.conversation &&
            !person_.reused.contains({request.conversation, other.client_id})) {
            person_.reused.insert({request.conversation, other.client_id});
            request.client_id = other.client_id;
        }
    }
    const bool by_socket = session_ && context_.dice.chance(0.7);
    const bool twice = context_.dice.chance(0.08);
    if (twice) put(request, session_ && context_.dice.chance(0.7));
    put(std::move(request), by_socket);
}

void Device::put(Send send, bool by_socket) {
    ++busy_;
    auto on_answer = [this, send, by_socket](Answer answer) {
        --busy_;
        on_send_answer(send, by_socket, answer);
    };
    if (by_socket && session_)
        network_.frame(*session_, std::move(send), std::move(on_answer));
    else
        network_.http(std::move(send), std::move(on_answer));
}

void Device::on_send_answer(const Send& send, bool by_socket, const Answer& answer) {
    if (!is_definite(answer)) return person_.unsent.push_back({send, by_socket});
    if (const auto* sent = ok<Sent>(answer)) {
        learn(sent->entry->conversation_id);
        if (town_.messages.size() < 200) town_.messages.push_back({sent->entry->conversation_id, sent->entry->seq, person_.id});
        if (person_.sent.size() < 64) person_.sent.push_back(send);
    } else if (ok<Held>(answer) && person_.sent.size() < 64) {
        person_.sent.push_back(send);  // asked again now and then: by then it may be released
    }
}

void Device::resend() {
    if (!person_.unsent.empty() && context_.dice.chance(0.7)) {
        auto unsent = person_.unsent.front();
        person_.unsent.pop_front();
        return put(std::move(unsent.send), unsent.by_socket);
    }
    if (!person_.sent.empty()) put(context_.dice.pick(person_.sent), context_.dice.chance(0.5));
}

// Without waiting for the answers: they must keep their order.
void Device::send_many() {
    const auto conversation = some_conversation();
    const auto* peer = some_peer();
    const bool to_peer = peer && context_.dice.chance(0.3);
    if (!session_ || (!conversation && !to_peer) || person_.unsent.size() + busy_ > 12) return;
    for (auto left = context_.dice.between(2, 12); left > 0 && session_; --left) {
        Send request{actor(), to_peer ? ConversationId{} : *conversation, to_peer ? peer->id : UserId{}, new_client_id(), new_text()};
        put(std::move(request), true);
    }
}

// An edit or a deletion: mostly of an own message, also of others', of what is no message, and twice at once. Asked for once: what it did
// shows whether it got through.
void Device::revise() {
    if (town_.messages.empty() || busy_ > 12) return;
    auto message = context_.dice.pick(town_.messages);
    for (int tries = 0; tries < 6 && message.sender != person_.id; ++tries) message = context_.dice.pick(town_.messages);
    if (context_.dice.chance(0.05)) message.seq = Seq{context_.dice.below(60)};
    for (auto left = context_.dice.chance(0.2) ? 2 : 1; left > 0; --left) {
        Request request = DeleteMessage{actor(), message.conversation, message.seq};
        if (context_.dice.chance(0.8)) request = EditMessage{actor(), message.conversation, message.seq, new_text()};
        if (session_ && context_.dice.chance(0.7)) {
            ++busy_;
            network_.frame(*session_, std::move(request), [this](Answer) { --busy_; });
        } else {
            ask(std::move(request));
        }
    }
    // What follows at once must come after it.
    if (session_ && context_.dice.chance(0.5)) put(Send{actor(), message.conversation, {}, new_client_id(), new_text()}, true);
}

void Device::send_other_text() {
    if (person_.sent.empty()) return;
    auto other = context_.dice.pick(person_.sent);
    other.text = new_text();
    ask(std::move(other));
}

// ---- conversations ----------------------------------------------------------------------------------------------------------------------

void Device::learn(ConversationId conversation) {
    if (std::ranges::find(town_.conversations, conversation) == town_.conversations.end()) town_.conversations.push_back(conversation);
}

void Device::create_group() {
    if (person_.unmade.size() + person_.made.size() > 4) return;
    CreateGroup create;
    create.actor = actor();
    create.slot = static_cast<Slot>(context_.dice.below(context_.dice.chance(0.5) ? 4 : kSlots));
    create.title = person_.username + " makes " + std::to_string(++person_.last_text);
    create.client_id = context_.dice.chance(0.85) ? new_client_id() : "";
    for (const auto* person : town_.people)
        if (person->id && !person->is_stranger && context_.dice.chance(0.7)) create.members.push_back(person->id);
    std::erase(create.members, person_.id);
    if (context_.dice.chance(0.05)) create.members.push_back(kGhost);
    if (context_.dice.chance(0.2)) create.members.push_back(person_.id);
    const auto again = !create.client_id.empty() && context_.dice.chance(0.15);
    if (again) make(create);
    make(std::move(create));
}

void Device::create_again() {
    if (!person_.made.empty()) make(context_.dice.pick(person_.made));
}

void Device::make(CreateGroup create) {
    ask(create, [this, create](const Answer& answer) {
        if (const auto* view = ok<ConversationView>(answer)) {
            learn(view->conversation.id);
            if (!create.client_id.empty()) person_.made.push_back(create);
        }
        if (!is_definite(answer) && !create.client_id.empty()) person_.unmade.push_back(create);
    });
}

void Device::create_direct() {
    const auto* peer = some_peer();
    if (context_.dice.chance(0.03)) peer = &person_;
    if (!peer) return;
    if (context_.dice.chance(0.05)) return ask(CreateDirect{actor(), kGhost});
    ask(CreateDirect{actor(), peer->id}, [this](const Answer& answer) {
        if (const auto* view = ok<ConversationView>(answer)) learn(view->conversation.id);
    });
}

void Device::change_conversation() {
    const auto conversation = some_conversation();
    if (!conversation) return;
    UpdateConversation update{actor(), *conversation, std::nullopt, std::nullopt, std::nullopt, std::nullopt};
    if (context_.dice.chance(0.7)) update.title = person_.username + " names " + std::to_string(++person_.last_text);
    if (context_.dice.chance(0.4)) update.history = context_.dice.chance(0.5) ? HistoryAccess::all : HistoryAccess::joined;
    if (context_.dice.chance(0.2)) update.invite = context_.dice.chance(0.5) ? InviteRight::admins : InviteRight::members;
    if (context_.dice.chance(0.2)) update.mention_all = context_.dice.chance(0.5) ? MentionAllRight::admins : MentionAllRight::members;
    if (update.title || update.history || update.invite) ask(std::move(update));
}

// ---- reading ----------------------------------------------------------------------------------------------------------------------------

void Device::read_history() {
    const auto conversation = some_conversation();
    if (!conversation) return;
    History history{actor(), *conversation, {}, {}, {}, static_cast<std::uint32_t>(context_.dice.between(1, 12))};
    const Seq at{context_.dice.between(1, 60)};
    switch (context_.dice.below(5)) {
        case 0: history.before = at; break;
        case 1: history.after = at; break;
        case 2: history.around = at; break;
        default: break;
    }
    ask(std::move(history));
}

void Device::read_lists() {
    const auto limit = static_cast<std::uint32_t>(context_.dice.between(1, 10));
    const auto conversation = some_conversation();
    switch (context_.dice.below(6)) {
        case 5: return ask(ListMentions{actor(), limit, std::nullopt});
        case 0: return ask(ListConversations{actor(), limit, std::nullopt});
        case 1: return conversation ? ask(ListMembers{actor(), *conversation, limit, std::nullopt}) : void();
        case 2: return conversation ? ask(GetConversation{actor(), *conversation}) : void();
        case 3:
            // With somebody else's secret.
            if (context_.dice.chance(0.3)) return ask(Authenticate{person_.id, id_, secret_of(UserId{person_.id.value + 1})});
            return ask(GetAccount{person_.id});
        default: return ask(ListSessions{actor()});
    }
}

void Device::acknowledge() {
    if (context_.dice.chance(0.05)) return ask(Acknowledge{actor(), Cursor{kAhead + context_.dice.below(100)}});
    if (context_.dice.chance(0.05)) return ask(Sync{actor(), Cursor{kAhead + context_.dice.below(100)}, 10, Millis{0}});
    if (context_.dice.chance(0.3)) return poll(0ms);
    if (session_ && context_.dice.chance(0.7)) return acknowledge_by_socket();
    ask(Acknowledge{actor(), context_.dice.chance(0.5) ? read_ : Cursor{context_.dice.between(base_.value, read_.value)}});
}

void Device::acknowledge_by_socket() {
    network_.frame(*session_, Acknowledge{actor(), read_}, [this, session = session_, cursor = read_](const Answer& answer) {
        if (session == session_ && ok<Done>(answer)) acked_ = std::max(acked_, cursor);
    });
}

// ---- the account and the socket ---------------------------------------------------------------------------------------------------------

void Device::change_account() {
    if (context_.dice.chance(0.5)) return ask(UpdateAccount{actor(), person_.username + " renamed", std::nullopt});
    ask(UpdateAccount{actor(), std::nullopt, "{\"theme\":\"dark\"}"});
}

// This device, or another one of the same person.
void Device::sign_out() {
    if (context_.dice.chance(0.7)) return;
    auto* device = context_.dice.pick(person_.devices);
    if (!device->id_) return;
    ask(CloseSession{actor(), device->id_}, [device, id = device->id_](const Answer& answer) {
        if (ok<Done>(answer) && id == device->id_) device->forget();
    });
}

void Device::attach_again() {
    if (!session_) return;
    switch (context_.dice.below(4)) {
        case 0: return attach(Cursor{kAhead + context_.dice.below(1000)});
        case 1: return attach(saved_);
        case 2: return attach(Cursor{context_.dice.between(base_.value, saved_.value)});
        default: network_.close(*std::exchange(session_, std::nullopt)); return on_closed();
    }
}

// The stranger tries every door.
void Device::trespass() {
    if (town_.conversations.empty()) return;
    const auto conversation = context_.dice.pick(town_.conversations);
    switch (context_.dice.below(20)) {
        case 0: return ask(Send{actor(), conversation, {}, new_client_id(), new_text()});
        case 1: return ask(History{actor(), conversation, {}, {}, {}, 10});
        case 2: return ask(GetConversation{actor(), conversation});
        case 3: return ask(ListMembers{actor(), conversation, 10, std::nullopt});
        case 4: return ask(PutMember{actor(), conversation, person_.id, std::nullopt, std::nullopt});
        case 5: return ask(UpdateConversation{actor(), conversation, "mine", std::nullopt, std::nullopt, std::nullopt});
        case 6: return ask(RemoveMember{actor(), conversation, person_.id});
        case 7: return ask(AcceptInvite{actor(), conversation, new_secret()});
        case 8: return ask(CreateInvite{actor(), conversation, new_secret(), {}, 0});
        case 9: return ask(PutBan{actor(), conversation, context_.dice.pick(town_.people)->id});
        case 10: return ask(EditMessage{actor(), conversation, Seq{context_.dice.between(1, 20)}, new_text()});
        case 11: return ask(DeleteMessage{actor(), conversation, Seq{context_.dice.between(1, 20)}});
        case 12: return ask(MarkRead{actor(), conversation, Seq{context_.dice.between(0, 9)}});
        case 13: return ask(UpdateView{.actor = actor(), .conversation = conversation, .pinned = true});
        case 14: return context_.dice.chance(0.5) ? watch() : ask(ListPresence{actor(), conversation, 10, std::nullopt});
        case 15: return ask(Typing{actor(), conversation});
        default: return attach_again();
    }
}

}  // namespace madang::sim
