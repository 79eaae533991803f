// From the log into the inboxes. Where the inbox lives here, is in memory and the turn has room, the row joins the same append. Everything
// else goes by the journal: its row says "not in every inbox yet", lives in the same append as the entry, and goes when all have it.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr Millis kRepeatFirst{500};
constexpr unsigned kRepeatDoublings = 4;  // at most every 8 s
constexpr std::size_t kAwaitingMax = 200'000;

InboxItem item_of(const Entry& entry, UserId user, Role role) {
    InboxItem item{.conversation_id = entry.conversation_id,
                   .seq = entry.seq,
                   .role = role,
                   .type = entry.type,
                   .own = entry.actor == user,
                   .lists = true};
    if (entry.is_message()) {
        item.mentioned = !item.own && entry.message.mentions.names(user);
    } else if (entry.revision) {
        const auto& revision = *entry.revision;
        item.own = revision.sender == user;
        item.mentioned = !item.own && revision.after.names(user);
        item.was_mentioned = !item.own && revision.before.names(user);
        item.target = revision.target;
        item.lists = false;
    }
    if (!entry.change) return item;
    const auto is_member_entry = entry.type != EntryType::conversation_created && entry.type != EntryType::conversation_updated;
    if (is_member_entry) item.own = entry.change->member.user.id == user;
    // A direct conversation is listed for its maker at once, for the other one from the first message.
    if (entry.change->conversation.kind == ConversationKind::direct) item.lists = entry.type == EntryType::conversation_created && item.own;
    return item;
}

// The recipient's role as of the entry, from the one before it: an inbox takes a conversation's entries in order and without holes.
Role role_as_of(const Entry& entry, UserId user, Role before) {
    if (!entry.change) return before;
    const auto& conversation = entry.change->conversation;
    if (entry.type == EntryType::conversation_created)
        return conversation.kind == ConversationKind::group && conversation.creator == user ? Role::owner : Role::member;
    return entry.change->member.user.id == user ? entry.change->member.role : before;
}

}  // namespace

void Engine::State::publish(ConversationState& conversation, const EntryPtr& entry) {
    const auto id = entry->conversation_id;
    put(Table::message, message_key(id, entry->seq), *entry, madang::slot_of(id));
    index_.add(id, entry->seq);
    touch(conversation);
    std::vector<FanOut::Recipient> others;
    conversation.log.address(*entry, [&](UserId recipient, Seq prev) {
        const FanOut::Recipient to{recipient, prev};
        const auto has_room = rows_this_turn_ < options_.limits.group_commit_rows;
        auto* user = has_room && engine_of(to.user) == options_.index ? users_.find(to.user) : nullptr;
        if (!user || deliver(*user, entry, to) == Inbox::Verdict::hole) others.push_back(to);
    });
    end_delivery(entry);
    if (!others.empty()) hand_on(entry, std::move(others));
}

// Of a revision: another one of the same message, that said otherwise whom it names? Only who joined after the message has missed any.
bool Engine::State::may_have_missed(const UserState& user, const InboxItem& item) {
    return item.target && !item.own && item.target < user.inbox.find(item.conversation_id)->joined_seq;
}

Inbox::Verdict Engine::State::deliver(UserState& user, const EntryPtr& entry, const FanOut::Recipient& to) {
    if (is_deleted(user.account.profile)) return miss(user, *entry), Inbox::Verdict::duplicate;
    const auto role = role_as_of(*entry, user.id, user.inbox.role(entry->conversation_id));
    const auto item = item_of(*entry, user.id, role);
    const auto verdict = user.inbox.offer(entry, to.prev, item, options_.limits);
    if (verdict != Inbox::Verdict::taken) return verdict;
    if (item.mentioned != item.was_mentioned || may_have_missed(user, item)) put_mention(user, *entry, item);
    store_item(user, item);
    if (push_outbox_.is_on()) consider_push(user, item);
    // What the user has set for this conversation ends with the stay, unless it was set in a later one already.
    if (item.own && entry->type == EntryType::member_left && !mutant(Mutant::keep_preference))
        if (const auto set = user.preferences.find(entry->conversation_id); set != user.preferences.end() && set->second.stay < entry->seq)
            forget_preference(user, entry->conversation_id);
    // Somebody who shared a conversation with the user does so no more, or the other way round.
    if (item.own && (entry->type == EntryType::member_joined || entry->type == EntryType::member_left)) {
        circle_changed(user.id);
        decide_again(user);
    }
    return verdict;
}

void Engine::State::store_item(UserState& user, const InboxItem& item) {
    const auto slot = madang::slot_of(user.id);
    const auto cursor = user.inbox.tail();
    put(Table::inbox, inbox_key(user.id, cursor), item, slot);
    ++rows_this_turn_;
    ++figures_.inbox_items;
    touch(user);
    if (user.recounts != 0) note_for_recount(user, item);
    if (user.inbox.wants_checkpoint()) {
        for (const auto& row : user.inbox.conversations())
            if (row.last_cursor > user.inbox.checkpoint())
                put(Table::user_conversation, user_conversation_key(user.id, row.conversation_id), row, slot);
        put_id(Table::user_conversation, user_conversation_key(user.id, ConversationId{}), cursor.value, slot);
        user.inbox.checkpointed();
    }
    for (auto& each : user.subscriptions) {
        if (each.phase != Subscription::Phase::live) continue;
        each.sent = cursor;
        delivery_.to.push_back({each.gateway, each.session, cursor, item.role});
    }
    if (!user.pollers.empty()) woken_.insert(user.id);
}

void Engine::State::deliver_note(UserState& user, const InboxItem& item) {
    if (is_deleted(user.account.profile)) return;  // e.g. a read that was being counted
    auto others = std::exchange(delivery_, {});    // of an entry that is being published
    const auto entry = note_of(item, user.id);
    user.inbox.take(entry, item, options_.limits);
    store_item(user, item);
    end_delivery(entry);
    delivery_ = std::move(others);
}

void Engine::State::put_mention(const UserState& user, const Entry& entry, const InboxItem& item) {
    const auto& message = *entry.shown_message();
    const auto key = mention_key(user.id, message.message.id);
    figures_.mentions += item.mentioned && !item.was_mentioned;
    if (item.mentioned)
        put(Table::mention, key, Mention{entry.conversation_id, message.seq}, madang::slot_of(user.id));
    else if (!mutant(Mutant::keep_mention))
        erase(Table::mention, key, madang::slot_of(user.id));
}

void Engine::State::end_delivery(const EntryPtr& entry) {
    if (delivery_.to.empty()) return;
    delivery_.entry = entry;
    effects_.push_back(std::exchange(delivery_, {}));
}

// ---- by journal and bus
// -------------------------------------------------------------------------------------------------------------------

void Engine::State::hand_on(const EntryPtr& entry, std::vector<FanOut::Recipient> recipients) {
    const EntryKey key{entry->conversation_id, entry->seq};
    auto& pending = pending_[key];
    if (pending.entry) return;  // already on its way
    put_journal_row(entry);
    pending.entry = entry;
    pending.recipients = recipients;
    if (entry->revision) revisions_pending_[{entry->conversation_id, entry->revision->target}] = entry->seq;
    repeats_.emplace(clock_.tick() + kRepeatFirst, key);
    send_fan_out(entry, recipients, true);
}

void Engine::State::put_journal_row(const EntryPtr& entry) {
    batch_.put(Table::journal, journal_key(entry->conversation_id, entry->seq), {});
    fence(madang::slot_of(entry->conversation_id));
}

void Engine::State::send_fan_out(const EntryPtr& entry, const std::vector<FanOut::Recipient>& recipients, bool own_too) {
    std::map<EngineIndex, FanOut> by_engine;
    for (const auto& to : recipients) by_engine[engine_of(to.user)].recipients.push_back(to);
    for (auto& [engine, fan_out] : by_engine) {
        fan_out.entry = entry;
        if (engine != options_.index)
            effects_.push_back(ToEngine{engine, std::move(fan_out)});
        else if (own_too)
            backlog_.push_back({engine, std::move(fan_out)});
    }
}

void Engine::State::take_fan_out(EngineIndex from, FanOut fan_out) {
    // Too many wait already: dropped, and repeated by its owner.
    if (backlog_.size() < options_.limits.fan_out_pending) backlog_.push_back({from, std::move(fan_out)});
}

void Engine::State::work_backlog() {
    while (!backlog_.empty() && rows_this_turn_ < options_.limits.group_commit_rows) {
        auto [from, fan_out] = std::move(backlog_.front());
        backlog_.pop_front();
        const auto& entry = fan_out.entry;
        FannedOut done{.conversation_id = entry->conversation_id, .seq = entry->seq, .taken = {}, .behind = {}};
        auto to = fan_out.recipients.begin();
        for (; to != fan_out.recipients.end() && rows_this_turn_ < options_.limits.group_commit_rows; ++to) {
            auto* user = users_.find(to->user);
            if (!user)
                await(from, entry, *to);
            else if (deliver(*user, entry, *to) == Inbox::Verdict::hole)
                done.behind.push_back({to->user, user->inbox.last(entry->conversation_id)});
            else
                done.taken.push_back(to->user);
        }
        end_delivery(entry);
        if (to != fan_out.recipients.end()) {
            fan_out.recipients.erase(fan_out.recipients.begin(), to);
            backlog_.push_front({from, fan_out});
        }
        if (!done.taken.empty() || !done.behind.empty()) answer_fan_out(from, std::move(done));
    }
}

void Engine::State::await(EngineIndex from, const EntryPtr& entry, const FanOut::Recipient& to) {
    // An own entry is never dropped (its pending count bounds it); another engine's is repeated by its owner.
    if (awaiting_count_ >= kAwaitingMax && from != options_.index) return;
    auto& waiting = awaiting_[to.user];
    waiting.push_back({from, entry, to});
    ++awaiting_count_;
    if (waiting.size() > 1) return;
    const auto resume = [this, id = to.user](Result<UserState*> user) { on_awaited(id, user); };
    if (users_.park(to.user, resume)) jobs_.push_back(LoadUser{to.user});
}

void Engine::State::on_awaited(UserId id, Result<UserState*> user) {
    if (!user) return unreadable_.push_back(id);
    const auto waiting = awaiting_.extract(id);
    if (!waiting) return;
    awaiting_count_ -= waiting.mapped().size();
    for (const auto& each : waiting.mapped()) {
        FannedOut done{.conversation_id = each.entry->conversation_id, .seq = each.entry->seq, .taken = {}, .behind = {}};
        if (*user && deliver(**user, each.entry, each.to) == Inbox::Verdict::hole)
            done.behind.push_back({id, (*user)->inbox.last(each.entry->conversation_id)});
        else
            done.taken.push_back(id);  // also one who does not exist: there is no inbox to fill
        end_delivery(each.entry);
        answer_fan_out(each.from, std::move(done));
    }
}

void Engine::State::answer_fan_out(EngineIndex to, FannedOut done) {
    if (to == options_.index)
        on_fanned_out(done);
    else
        effects_.push_back(ToEngine{to, std::move(done)});
}

void Engine::State::on_fanned_out(const FannedOut& done) {
    const auto found = pending_.find({done.conversation_id, done.seq});
    for (const auto& [user, last] : done.behind) repair(done.conversation_id, user, last, done.seq);
    if (found == pending_.end()) return;
    for (const auto& each : done.behind) found->second.own_behind |= engine_of(each.user) == options_.index;
    auto& missing = found->second.recipients;
    std::erase_if(missing, [&](const FanOut::Recipient& each) { return std::ranges::find(done.taken, each.user) != done.taken.end(); });
    if (!missing.empty()) return;
    const auto& pending = found->second;
    ready_lanes_.insert(ready_lanes_.end(), pending.lanes.begin(), pending.lanes.end());
    if (pending.entry->revision) revisions_pending_.erase({done.conversation_id, pending.entry->revision->target});
    pending_.erase(found);
    erase(Table::journal, journal_key(done.conversation_id, done.seq), madang::slot_of(done.conversation_id));
}

void Engine::State::repeat_fan_outs() {
    const auto now = clock_.tick();
    for (const auto id : std::exchange(unreadable_, {})) {
        // Somebody else's load may have brought the user meanwhile; a second one would read what is being written, and be stale.
        if (auto* user = users_.find(id)) {
            on_awaited(id, user);
            continue;
        }
        const auto resume = [this, id](Result<UserState*> user) { on_awaited(id, user); };
        if (users_.park(id, resume)) jobs_.push_back(LoadUser{id});
    }
    while (!mutant(Mutant::never_repeat) && !repeats_.empty() && repeats_.begin()->first <= now) {
        const auto key = repeats_.begin()->second;
        repeats_.erase(repeats_.begin());
        const auto found = pending_.find(key);
        if (found == pending_.end()) continue;
        auto& pending = found->second;
        // What waits in this engine's own backlog is not lost, and is not repeated.
        send_fan_out(pending.entry, pending.recipients, std::exchange(pending.own_behind, false));
        pending.repeats = std::min(pending.repeats + 1, kRepeatDoublings);
        repeats_.emplace(now + kRepeatFirst * (1 << pending.repeats), key);
    }
}

// ---- an inbox that is behind
// ----------------------------------------------------------------------------------------------------------------

void Engine::State::repair(ConversationId conversation, UserId user, Seq last, Seq to) {
    const auto [repair, is_new] = repairs_.try_emplace({conversation, user}, to);
    if (!is_new) {
        repair->second = std::max(repair->second, to);
        return;
    }
    effects_.push_back(Read{LoadEntries{conversation, user, last, to}});
}

void Engine::State::on_entries(LoadedEntries loaded) {
    when_loaded(loaded.conversation, [this, loaded = std::move(loaded)](Result<ConversationState*> conversation) {
        auto wanted = repairs_.extract({loaded.conversation, loaded.user});
        if (!wanted || !conversation || !*conversation || !loaded.entries) return;  // comes again with the next repeat
        const auto* member = (*conversation)->log.find_member(loaded.user);
        if (!member) return;
        Seq prev;
        if (!loaded.entries->empty()) prev = addressed_before(*member, loaded.entries->front()->seq, loaded.narrow);
        for (const auto& entry : *loaded.entries)
            if (is_addressed(*member, *entry)) send_fan_out(entry, {{loaded.user, std::exchange(prev, entry->seq)}}, true);
        // The next page.
        const auto last = loaded.entries->empty() ? wanted.mapped() : loaded.entries->back()->seq;
        if (last < wanted.mapped()) repair(loaded.conversation, loaded.user, last, wanted.mapped());
    });
}

// ---- after a restart
// ------------------------------------------------------------------------------------------------------------------------

void Engine::State::on_journal(LoadedJournal loaded) {
    journal_reading_ = false;
    if (!loaded.entries) {
        journal_wanted_ = true;
        return;
    }
    journal_.insert(journal_.end(), loaded.entries->begin(), loaded.entries->end());
    work_journal();
}

void Engine::State::work_journal() {
    if (std::exchange(journal_wanted_, false)) {
        journal_reading_ = true;
        jobs_.push_back(LoadJournal{});
    }
    while (!journal_.empty() && has_room_to_park() && pending_.size() < options_.limits.fan_out_pending) {
        auto unfinished = std::move(journal_.front());
        journal_.pop_front();
        ++journal_parked_;
        const auto id = unfinished.entry->conversation_id;
        when_loaded(id, [this, unfinished = std::move(unfinished)](Result<ConversationState*> conversation) mutable {
            --journal_parked_;
            if (!conversation) return journal_.push_back(std::move(unfinished));  // unreadable now: again at the next tick
            if (!*conversation) return;
            const auto& entry = unfinished.entry;
            std::vector<FanOut::Recipient> recipients;
            for (const auto& member : (*conversation)->log.members())
                if (is_addressed(member, *entry))
                    recipients.push_back({member.user.id, addressed_before(member, entry->seq, unfinished.narrow)});
            hand_on(entry, std::move(recipients));
        });
    }
}

}  // namespace madang
