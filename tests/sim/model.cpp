#include "model.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "chat/inbox.hpp"
#include "check.hpp"
#include "policy.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang::sim {
namespace {

std::string folded(const std::string& username) { return fold_username(username).value_or(""); }

bool names_ghost(const Request& request) {
    if (const auto* send = std::get_if<Send>(&request)) return send->peer == kGhost;
    if (const auto* direct = std::get_if<CreateDirect>(&request)) return direct->peer == kGhost;
    if (const auto* put = std::get_if<PutMember>(&request)) return put->user == kGhost;
    if (const auto* ban = std::get_if<PutBan>(&request)) return ban->user == kGhost;
    if (const auto* change = std::get_if<ChangeRelation>(&request)) return change->user == kGhost;
    const auto* group = std::get_if<CreateGroup>(&request);
    return group && std::ranges::find(group->members, kGhost) != group->members.end();
}

// The asker and the conversation of a request about one; else none.
std::pair<UserId, ConversationId> about(const Request& request) {
    return std::visit(
        [](const auto& r) -> std::pair<UserId, ConversationId> {
            if constexpr (requires { r.actor, r.conversation; }) return {r.actor.user, r.conversation};
            return {};
        },
        request);
}

}  // namespace

Digest256 secret_of(UserId user) {
    Digest256 secret{};
    secret.fill(static_cast<std::uint8_t>(1 + user.value % 255));
    return secret;
}

// ---- what is asked --------------------------------------------------------------------------------------------------------------------

Asked Model::on_asked(Request request, std::optional<SessionId> session) {
    Asked asked;
    const auto [user, conversation] = about(request);
    asked.at = context_.schedule.clock().now();
    asked.knew = knows(user, conversation);
    asked.seen = seen(user, conversation);
    if (const auto found = markers_.find({user, conversation}); found != markers_.end()) asked.marker = found->second;
    if (const auto found = acked_.find(conversation); found != acked_.end()) asked.acked = found->second;
    if (const auto found = acked_to_all_.find(conversation); found != acked_to_all_.end()) asked.acked_to_all = found->second;
    asked.acks = revisions_acked_;
    asked.reviews = reviews_acked_;
    std::visit(
        overloaded{
            [&](const EditMessage& r) { on_revision_asked({r.actor, r.conversation, r.seq, r.text}, session, asked); },
            [&](const DeleteMessage& r) { on_revision_asked({r.actor, r.conversation, r.seq, std::nullopt}, session, asked); },
            [&](const Send& send) {
                auto [at, is_new] = sends_.try_emplace(send.text);
                auto& fact = at->second;
                if (is_new) {
                    fact.sender = send.actor.user, fact.conversation = send.conversation, fact.peer = send.peer;
                    fact.client_id = send.client_id, fact.session = session, fact.order = ++writes_asked_, fact.floor = asked.acked;
                    fact.asked_at = context_.schedule.now();
                }
                ++fact.asked;
                texts_[{send.actor.user, send.client_id}].insert(send.text);
                asked.done = fact.acked != nullptr;
            },
            [&](const SignUp& sign_up) { ++sign_ups_asked_[folded(sign_up.username)]; },
            [&](const FindAccount& find) { asked.done = accounts_.contains(folded(find.username)); },
            [&](const OpenSession& open) { ++sessions_asked_[open.user], asked.shown = shown(open.user); },
            [&](const DisableAccount& disable) { disabling_asked_.insert(disable.user); },
            [&](const DeleteAccount& remove) {
                asked.done = is_deleted(remove.actor.user);
                deletions_asked_.insert(remove.actor.user);
            },
            [&](const Authenticate& with) {
                const auto device = devices_.find({with.user, with.device});
                asked.done = device != devices_.end() && !device->second;  // signed out before
            },
            [&](const CloseSession& close) { sign_outs_asked_.insert({close.actor.user, close.device}); },
            [&](const Sync& sync) {
                asked.shown = shown(sync.actor.user);
                on_ack_asked(sync.actor.user, sync.cursor);
            },
            [&](const Acknowledge& ack) { on_ack_asked(ack.actor.user, ack.cursor); },
            [&](const MarkRead& read) {
                auto& most = reads_asked_[{read.actor.user, read.conversation}];
                most = std::max(most, read.seq);
            },
            [&](const ListMembers& list) { asked.receipts = told_of(list.conversation); },
            [&](const PutMember& put) {
                if (put.muted_until) mutes_asked_[{put.user, put.conversation}].insert(*put.muted_until);
            },
            [&](const PutBan& ban) {
                removals_asked_.insert({ban.user, ban.conversation});
                bans_asked_.insert({ban.user, ban.conversation});
            },
            [&](const RemoveBan& unban) { unbans_asked_.insert({unban.user, unban.conversation}); },
            [&](const CreateInvite& create) { links_[create.secret].made = create; },
            [&](const RevokeInvite& revoke) { links_[revoke.secret].revoking_asked = true; },
            [&](const AcceptInvite& accept) {
                if (const auto link = links_.find(accept.secret); link != links_.end()) link->second.tried.insert(accept.actor.user);
            },
            [&](const RemoveMember& remove) { removals_asked_.insert({remove.user, remove.conversation}); },
            [&](const CreateGroup& create) { asked.done = groups_.contains({create.actor.user, create.client_id}); },
            [&](const CreateDirect& create) { asked.done = directs_.contains(pair_of(create.actor.user, create.peer)); },
            [&](const ChangeRelation& change) { asked.lifts = relations_.on_asked(change); },
            [&](const Review& review) { (review.release ? held_[review.held].release_asked : held_[review.held].refuse_asked) = true; },
            [](const auto&) {},
        },
        request);
    pushes_.on_asked(request);
    asked.block = block_between(request);
    asked.request = std::move(request);
    return asked;
}

std::uint64_t Model::block_between(const Request& request) const {
    if (const auto* create = std::get_if<CreateDirect>(&request)) return relations_.certain(create->actor.user, create->peer);
    const auto* send = std::get_if<Send>(&request);
    if (!send) return 0;
    if (send->peer) return relations_.certain(send->actor.user, send->peer);
    const auto direct = std::ranges::find(directs_, send->conversation, &decltype(directs_)::value_type::second);
    return direct == directs_.end() ? 0 : relations_.certain(direct->first.first, direct->first.second);
}

Cursor Model::shown(UserId user) const {
    const auto found = shown_.find(user);
    return found == shown_.end() ? Cursor{} : found->second;
}

Seq Model::seen(UserId user, ConversationId conversation) const {
    const auto found = seen_.find({user, conversation});
    return found == seen_.end() ? Seq{} : found->second;
}

// ---- what is shown --------------------------------------------------------------------------------------------------------------------

void Model::must_be_durable(const Entry& entry) const {
    const auto row = disk_.get(Table::message, message_key(entry.conversation_id, entry.seq));
    expect(row && *row, "shown before it was durable: " + at(entry));
    const auto stored = decode_entry(entry.conversation_id, entry.seq, **row);
    expect(stored && (*stored)->message.revised >= entry.message.revised, "a text shown before it was durable: " + at(entry));
}

void Model::on_entry(const EntryPtr& entry) {
    expect(entry != nullptr, "an event without its entry");
    if (entry->is_message()) return on_message(entry);
    const auto [known, is_new] = entries_.try_emplace({entry->conversation_id, entry->seq}, entry);
    expect(is_new || known->second == entry || is_same_entry(*known->second, *entry), "two contents at one position " + at(*entry));
    if (is_new) must_be_durable(*entry);
    if (!entry->revision) return;
    const auto& message = entry->revision->message;
    expect(message && message->is_message() && message->seq == entry->revision->target, "a revision without its message at " + at(*entry));
    expect(message->message.revised >= entry->seq, "a revision that shows an older text at " + at(*entry));
    on_message(message);
}

void Model::on_event(UserId user, const Event& event, std::optional<SessionId> session) {
    context_.trace.note("event", user.value, event.cursor.value, event.entry->conversation_id.value, event.entry->seq.value);
    check_shown_to(user, *event.entry);
    event.entry->is_note() ? on_note(user, event) : on_entry(event.entry);
    if (const auto* shown = event.entry->shown_message(); shown && session) {
        auto& newest = newest_shown_[{*session, {shown->conversation_id, shown->seq}}];
        expect(shown->message.revised >= newest, "a socket is shown an older text after a newer one of " + at(*shown));
        newest = shown->message.revised;
    }
    expect(user != stranger_, "the stranger is shown something");
    const Shown item{{event.entry->conversation_id, event.entry->seq}, event.role};
    const auto [known, is_new] = items_.try_emplace({user, event.cursor}, item);
    expect(known->second.position == item.position && known->second.role == item.role,
           "two items at cursor " + to_string(event.cursor) + " of user " + to_string(user));
    if (!is_new) return;
    const auto row = disk_.get(Table::inbox, inbox_key(user, event.cursor));
    expect((row && *row) || may_be_deleted(user),
           "shown before it was durable: cursor " + to_string(event.cursor) + " of user " + to_string(user));
    shown_[user] = std::max(shown_[user], event.cursor);
    if (event.entry->conversation_id) known_.insert({user, event.entry->conversation_id});
    if (event.entry->is_message()) saw(user, *event.entry);
}

void Model::on_live(UserId user, const Event& event) {
    if (!event.entry->is_message() || event.entry->message.revised) return;
    const auto fact = sends_.find(std::string(text_as_sent(event.entry->message.text)));
    if (fact != sends_.end()) pushes_.on_live(user, event, fact->second.asked_at);
}

void Model::on_note(UserId user, const Event& event) const {
    const auto row = disk_.get(Table::inbox, inbox_key(user, event.cursor));
    if (row && !*row && may_be_deleted(user)) return;
    expect(row && *row, "a note shown before it was durable: cursor " + to_string(event.cursor) + " of user " + to_string(user));
    const auto item = decode_inbox_item(**row);
    expect(item && item->note && is_same_entry(*note_of(*item, user), *event.entry), "a note shown otherwise than it is stored");
}

void Model::saw(UserId user, const Entry& entry) {
    auto& seen = seen_[{user, entry.conversation_id}];
    seen = std::max(seen, entry.seq);
}

// ---- what is answered -----------------------------------------------------------------------------------------------------------------

void Model::on_answer(const Asked& asked, const Result<Response>& answer) {
    if (const auto* change = std::get_if<ChangeRelation>(&asked.request)) relations_.on_answer(*change, asked.lifts, answer.has_value());
    if (answer) {
        on_ok(asked, *answer);
        return pushes_.on_answer(asked.request, *answer);
    }
    if (const auto* send = std::get_if<Send>(&asked.request)) ++sends_.at(send->text).refused;
    if (std::holds_alternative<EditMessage>(asked.request) || std::holds_alternative<DeleteMessage>(asked.request))
        revisions_[asked.revision].refused = true;
    check_error(asked, answer.error());
}

void Model::on_ok(const Asked& asked, const Response& response) {
    const auto actor = about(asked.request).first;
    expect(!names_ghost(asked.request), "something was done with nobody: request kind " + std::to_string(asked.request.index()));
    expect(!actor || actor != stranger_, "the stranger got through: request kind " + std::to_string(asked.request.index()));
    const auto expected = [&]<typename T>(std::type_identity<T>) -> const T& {
        const auto* got = std::get_if<T>(&response);
        expect(got != nullptr, "an answer of a wrong kind to request kind " + std::to_string(asked.request.index()));
        return *got;
    };
    std::visit(overloaded{
                   [&](const SignUp& r) {
                       const auto& account = expected(std::type_identity<Account>{});
                       expect(account.profile.username == r.username, "an account under another name");
                       on_account(account);
                   },
                   [&](const FindAccount&) { on_account(expected(std::type_identity<Account>{})); },
                   [&](const OpenSession& r) { on_session(r, asked, expected(std::type_identity<SessionOpened>{})); },
                   [&](const Authenticate& r) {
                       expect(r.secret_hash == secret_of(r.user), "somebody without the secret is let in");
                       expect(!asked.done, "a device that was signed out is let in");
                       expect(expected(std::type_identity<Authenticated>{}).actor == Actor{r.user, r.device},
                              "authenticated as somebody else");
                   },
                   [&](const DeleteAccount& r) {
                       expect(!asked.done, "an account is deleted twice");
                       deletions_acked_.insert(r.actor.user);
                   },
                   [&](const AuditUser& r) {
                       const auto& report = expected(std::type_identity<AuditReport>{});
                       if (report.differences.empty()) return;
                       const auto& one = report.differences.front();
                       expect(false, "the audit of user " + to_string(r.user) + " finds another " + std::string(word_of(one.what)) +
                                         " in " + to_string(one.conversation) + ": " + std::to_string(one.served) + ", counted " +
                                         std::to_string(one.counted));
                   },
                   [&](const CloseSession& r) { devices_[{r.actor.user, r.device}] = false; },
                   [&](const Acknowledge& r) { expect(r.cursor.value < kAhead, "an ack beyond the tail is taken"); },
                   [&](const Sync& r) { on_sync(r, asked, response); },
                   [&](const CreateDirect& r) {
                       const auto& view = expected(std::type_identity<ConversationView>{});
                       const auto [known, is_new] = directs_.try_emplace(pair_of(r.actor.user, r.peer), view.conversation.id);
                       expect(known->second == view.conversation.id, "two direct conversations of one pair");
                       expect(!view.created || !asked.done, "a direct conversation made twice");
                       expect(!view.created || directs_made_.insert(view.conversation.id).second,
                              "two are told to have made one direct conversation");
                       expect(!view.created || asked.block == 0 || block_between(asked.request) != asked.block,
                              "a direct conversation made through a block");
                       on_view(r.actor.user, view);
                   },
                   [&](const CreateGroup& r) {
                       const auto& view = expected(std::type_identity<ConversationView>{});
                       if (!r.client_id.empty()) {
                           const auto [known, is_new] = groups_.try_emplace({r.actor.user, r.client_id}, view.conversation.id);
                           expect(known->second == view.conversation.id, "two groups under one client id");
                           expect(!view.created || !asked.done, "a group made twice");
                       }
                       expect(view.conversation.creator == r.actor.user, "a group made by somebody else");
                       on_view(r.actor.user, view);
                   },
                   [&](const GetConversation& r) {
                       const auto& view = expected(std::type_identity<ConversationView>{});
                       expect(view.head_seq >= asked.acked_to_all, "a view of a conversation from before what was acked");
                       on_own(asked, view);
                       on_view(r.actor.user, view);
                   },
                   [&](const MarkRead& r) {
                       const auto& state = expected(std::type_identity<ReadState>{});
                       auto& marker = markers_[{r.actor.user, r.conversation}];
                       expect(state.seq >= asked.marker, "a read marker that goes back");
                       expect(state.seq >= std::min(r.seq, asked.seen), "a read marker before what was asked for and is there");
                       expect(state.unread_mentions <= state.unread, "more mentions than messages");
                       marker = std::max(marker, state.seq);
                   },
                   [&](const UpdateView& r) {
                       const auto& view = expected(std::type_identity<ConversationView>{});
                       on_own(asked, view);
                       expect(view.own->pinned == r.pinned.value_or(view.own->pinned), "a pin that is not done");
                       expect(view.own->archived == r.archived.value_or(view.own->archived), "an archiving that is not done");
                       on_view(r.actor.user, view);
                   },
                   [&](const UpdateConversation& r) {
                       if (r.title) titles_.emplace_back(r.conversation, *r.title);
                       on_view(r.actor.user, expected(std::type_identity<ConversationView>{}));
                   },
                   [&](const PutMember& r) {
                       const auto& [member, receipt] = expected(std::type_identity<MemberView>{});
                       expect(member.user.id == r.user && member.present(), "an invitation answered with another member");
                       members_put_.emplace_back(r.conversation, member);
                       known_.insert({r.user, r.conversation});
                   },
                   [&](const PutBan& r) {
                       expect(expected(std::type_identity<Ban>{}).user.id == r.user, "a ban of somebody else");
                       bans_.push_back({r.conversation, r.user, stored_head(r.conversation)});
                   },
                   [&](const CreateInvite& r) {
                       const auto& invite = expected(std::type_identity<Invite>{});
                       expect(invite.secret == r.secret && invite.max_uses == r.max_uses, "another invite than was asked for");
                       links_.at(r.secret).acked = true;
                   },
                   [&](const AcceptInvite& r) {
                       const auto& view = expected(std::type_identity<ConversationView>{});
                       expect(view.conversation.id == r.conversation, "a link into another conversation");
                       on_view(r.actor.user, view);
                       if (!view.created) return;
                       const auto found = links_.find(r.secret);
                       expect(found != links_.end(), "somebody joined by a link that nobody made");
                       auto& link = found->second;
                       ++link.joins;
                       expect(link.made.max_uses == 0 || link.joins <= link.made.max_uses, "more have joined by a link than it allows");
                       joined_by_link_.emplace_back(r.conversation, r.actor.user);
                   },
                   [&](const RemoveMember& r) { members_removed_.emplace_back(r.conversation, r.user); },
                   [&](const EditMessage&) { on_revised(asked, expected(std::type_identity<Sent>{})); },
                   [&](const DeleteMessage&) { on_revised(asked, expected(std::type_identity<Sent>{})); },
                   [&](const ListMentions& r) { on_mentions(r, expected(std::type_identity<MentionPage>{})); },
                   [&](const Send& r) {
                       if (const auto* held = std::get_if<Held>(&response)) return on_held(asked, r, *held);
                       on_sent(asked, r, expected(std::type_identity<Sent>{}));
                   },
                   [&](const ListHeld& r) { on_held_page(asked, r, expected(std::type_identity<HeldPage>{})); },
                   [&](const Review& r) { on_reviewed(r, expected(std::type_identity<Reviewed>{})); },
                   [&](const History& r) { on_history(r, asked, expected(std::type_identity<HistoryPage>{})); },
                   [&](const ListConversations& r) {
                       for (const auto& view : expected(std::type_identity<ConversationPage>{}).conversations) {
                           on_own(asked, view);
                           on_view(r.actor.user, view);
                       }
                   },
                   [&](const GetPresence& r) {
                       for (const auto& each : expected(std::type_identity<PresencePage>{}).presence) check_presence(r.actor.user, each);
                   },
                   [&](const ListPresence& r) {
                       for (const auto& each : expected(std::type_identity<PresencePage>{}).presence) check_presence(r.actor.user, each);
                   },
                   [&](const ChangeRelation& r) {
                       expect(expected(std::type_identity<Friendship>{}).user.id == r.user, "a friendship with somebody else");
                   },
                   [&](const ListRelations&) { expected(std::type_identity<RelationPage>{}); },
                   [&](const ListMembers& r) { on_members(asked, r, expected(std::type_identity<MemberPage>{})); },
                   [](const auto&) {},
               },
               asked.request);
}

void Model::on_sent(const Asked& asked, const Send& send, const Sent& sent) {
    on_entry(sent.entry);
    const auto& entry = *sent.entry;
    auto& fact = sends_.at(send.text);
    const auto same_text = entry.message.revised || text_as_sent(entry.message.text) == send.text;
    expect(entry.type == EntryType::message_created && same_text && entry.message.sender == send.actor.user &&
               entry.message.client_id == send.client_id,
           "a send answered with another message: " + at(entry));
    if (send.conversation) expect(entry.conversation_id == send.conversation, "a send answered from another conversation");
    if (send.peer) {
        const auto [known, is_new] = directs_.try_emplace(pair_of(send.actor.user, send.peer), entry.conversation_id);
        expect(known->second == entry.conversation_id, "two direct conversations of one pair");
    }
    expect(sent.repeated || asked.block == 0 || block_between(asked.request) != asked.block, "a message passes a block: " + at(entry));
    expect(!asked.done || sent.repeated, "a repeat that claims to be new: " + at(entry));
    expect(sent.repeated || !std::exchange(fact.fresh_answer, true), "a message stored as new twice: " + at(entry));
    expect(entry.seq > fact.floor, "a message before one that was acked before it was sent: " + at(entry));
    if (fact.held) {
        const auto& held = held_.at(fact.held);
        expect(held.release_asked || held.refuse_asked, "a held message is stored, and nobody released it: " + at(entry));
    }
    check_shown_to(send.actor.user, entry);
    fact.acked = sent.entry;
    acked_[entry.conversation_id] = std::max(acked_[entry.conversation_id], entry.seq);
    if (!entry.shadow) acked_to_all_[entry.conversation_id] = std::max(acked_to_all_[entry.conversation_id], entry.seq);
    known_.insert({send.actor.user, entry.conversation_id});
    saw(send.actor.user, entry);
}

Seq Model::stored_head(ConversationId conversation) const {
    Seq head;
    (void)disk_.scan(Table::message, message_key(conversation, Seq{}), message_key(conversation, Seq{~std::uint64_t{0}}), Order::descending,
                     [&](std::string_view key, std::string_view) {
                         head = Seq{id_in(key, 8)};
                         return false;
                     });
    return head;
}

void Model::on_account(const Account& account) {
    const auto [known, is_new] = accounts_.try_emplace(folded(account.profile.username), account.profile.id);
    users_.insert(account.profile.id);
    expect(known->second == account.profile.id, "two accounts named " + account.profile.username);
}

void Model::on_session(const OpenSession& request, const Asked& asked, const SessionOpened& opened) {
    expect(opened.account.profile.id == request.user, "a session of somebody else");
    expect(devices_.try_emplace({request.user, opened.device}, true).second, "a device id given twice");
    expect(opened.cursor >= asked.shown, "a log-in whose tail is behind what was shown");
}

void Model::on_sync(const Sync& sync, const Asked& asked, const Response& response) {
    if (const auto* resync = std::get_if<ResyncRequired>(&response)) {
        expect(sync.cursor.value >= kAhead && resync->reason == ResyncReason::ahead, "resync_required without a cause");
        return;
    }
    const auto* page = std::get_if<SyncPage>(&response);
    expect(page != nullptr, "a poll answered with something else");
    auto cursor = sync.cursor;
    for (const auto& event : page->events) {
        expect(event.cursor == next(cursor), "a poll skips from " + to_string(cursor) + " to " + to_string(event.cursor));
        cursor = event.cursor;
        on_event(sync.actor.user, event);
    }
    expect(page->cursor == cursor, "a poll's cursor is not that of its last event");
    expect(page->events.size() <= sync.limit, "a poll gives more than asked for");
    expect(page->more || page->cursor >= asked.shown, "a poll claims to be up to date and is not");
    expect(!page->more || !page->events.empty(), "a poll with more to come and no event");
}

void Model::on_view(UserId user, const ConversationView& view) {
    if (view.last_message) {
        check_shown_to(user, *view.last_message);
        on_entry(view.last_message);
    }
    known_.insert({user, view.conversation.id});
}

void Model::on_own(const Asked& asked, const ConversationView& view) const {
    expect(view.own.has_value(), "a view without what is the viewer's own");
    expect(view.own->read_seq >= asked.marker, "a view with an older marker than was answered before");
}

void Model::on_history(const History& history, const Asked& asked, const HistoryPage& page) {
    Seq last;
    Page seen{history.conversation, {}, history.actor.user};
    for (const auto& entry : page.messages) {
        check_shown_to(history.actor.user, *entry);
        on_entry(entry);
        check_not_older(asked, *entry);
        expect(entry->conversation_id == history.conversation && entry->is_message(), "history of something else");
        expect(entry->seq > last, "history out of order");
        expect(!history.before || entry->seq < *history.before, "history beyond `before`");
        expect(!history.after || entry->seq > *history.after, "history beyond `after`");
        last = entry->seq;
        seen.messages.push_back(last);
    }
    expect(page.messages.size() <= history.limit, "history gives more than asked for");
    const bool newest = !history.before && !history.after && !history.around;
    const auto removed = removals_asked_.contains({history.actor.user, history.conversation});
    expect(!newest || removed || last >= asked.seen, "the newest page of history lacks a message that was shown before");
    if (!seen.messages.empty()) pages_.push_back(std::move(seen));
}

}  // namespace madang::sim
