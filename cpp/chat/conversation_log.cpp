#include "chat/conversation_log.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace madang {

ConversationLog::ConversationLog(Conversation conversation, std::vector<Member> members)
    : conversation_(std::move(conversation)), members_(std::move(members)) {
    std::ranges::sort(members_, {}, [](const Member& m) { return m.user.id; });
    conversation_.members_count = static_cast<std::uint32_t>(members_.size());
    addressed_.resize(members_.size());
    newest_message_ = Seq{};
}

ConversationLog::ConversationLog(LoadedConversation::State state)
    : conversation_(std::move(state.conversation)),
      members_(std::move(state.members)),
      addressed_(std::move(state.addressed)),
      head_(state.head),
      wide_(head_),
      shadowed_(std::move(state.shadowed)),
      last_message_id_(state.last_message_id),
      last_message_(std::move(state.last_message)) {
    MADANG_ASSERT(addressed_.size() == members_.size());
    if (last_message_) stamped_ = last_message_->created_at;
    if (state.newest) stamped_ = std::max(stamped_, state.newest->created_at);
    newest_message_ = !state.newest ? Seq{} : state.newest->is_message() ? state.newest->seq : state.newest->message_before;
    if (state.newest && state.newest->shadow) {
        const auto& newest = *state.newest;
        wide_ = newest.shadow->wide;
        run_ = newest.shadow->others;
        run_.emplace_back(newest.actor, newest.seq);
        std::ranges::sort(run_);
    }
    if (mutant(Mutant::reuse_seq_after_load) && head_.value > 1) head_ = Seq{head_.value - 1};
}

const Member* ConversationLog::find_member(UserId user) const {
    const auto at = std::ranges::lower_bound(members_, user, {}, [](const Member& m) { return m.user.id; });
    return at == members_.end() || at->user.id != user ? nullptr : &*at;
}

Member& ConversationLog::member(UserId user) { return const_cast<Member&>(*find_member(user)); }

Result<const Member*> ConversationLog::require_member(UserId user) const {
    const auto* member = find_member(user);
    if (!member) return fail(Code::not_found, "no such conversation");
    if (!member->present()) return fail(Code::not_a_member, "you are no longer a member of this conversation");
    return member;
}

Result<const Member*> ConversationLog::require_group_member(UserId user) const {
    auto member = require_member(user);
    if (member && conversation_.kind == ConversationKind::direct)
        return fail(Code::forbidden, "a direct conversation has fixed members and no title");
    return member;
}

Result<> ConversationLog::may_write(UserId user, Time now) const {
    const auto member = require_member(user);
    if (!member) return std::unexpected(member.error());
    if ((*member)->muted_until > now && !mutant(Mutant::muted_may_write))
        return fail(Code::muted, "you are muted here", (*member)->muted_until - now);
    return {};
}

Result<> ConversationLog::may_update(UserId user) const {
    const auto member = require_group_member(user);
    if (!member) return std::unexpected(member.error());
    if ((*member)->role < Role::admin) return fail(Code::forbidden, "only the owner and admins may change title and settings");
    return {};
}

Result<> ConversationLog::may_invite(UserId user) const {
    const auto member = require_group_member(user);
    if (!member) return std::unexpected(member.error());
    if (conversation_.settings.invite == InviteRight::admins && (*member)->role < Role::admin)
        return fail(Code::forbidden, "only the owner and admins may invite here");
    return {};
}

Result<> ConversationLog::may_remove(UserId actor, UserId target) const {
    const auto member = require_group_member(actor);
    if (!member) return std::unexpected(member.error());
    const auto* other = find_member(target);
    if (!other || !other->present()) return fail(Code::not_found, "no such member");
    if (actor != target && (*member)->role <= other->role) return fail(Code::forbidden, "only a higher role may remove this member");
    return {};
}

Result<> ConversationLog::may_moderate(UserId user) const {
    const auto member = require_group_member(user);
    if (!member) return std::unexpected(member.error());
    if ((*member)->role < Role::admin) return fail(Code::forbidden, "only the owner and admins may do this");
    return {};
}

Result<> ConversationLog::may_ban(UserId actor, UserId target) const {
    if (const auto may = may_moderate(actor); !may) return may;
    const auto* other = find_member(target);
    const auto present = other && other->present() ? other->role : Role::member;
    if (find_member(actor)->role <= present || actor == target) return fail(Code::forbidden, "only a higher role may ban this member");
    return {};
}

Result<> ConversationLog::may_change(UserId actor, UserId target, std::optional<Role> role) const {
    const auto member = require_group_member(actor);
    if (!member) return std::unexpected(member.error());
    const auto* other = find_member(target);
    const auto present = other && other->present() ? other->role : Role::member;
    const auto wanted = std::max(present, role.value_or(present));
    const auto hands_over = role == Role::owner && (*member)->role == Role::owner && actor != target && other && other->present();
    if (hands_over) return {};
    if ((*member)->role <= wanted) return fail(Code::forbidden, "only a higher role may give or change this role");
    return {};
}

// Times shown to people never fall within a conversation, whatever the wall clock does.
Time ConversationLog::stamp(Time now) { return std::max({now, stamped_, conversation_.created_at}); }

Seq ConversationLog::take_seq() {
    run_.clear();
    return head_ = wide_ = next(head_);
}

std::shared_ptr<const Shadow> ConversationLog::take_shadowed_seq(UserId actor) {
    head_ = next(head_);
    auto own = std::ranges::lower_bound(run_, actor, {}, &std::pair<UserId, Seq>::first);
    if (own != run_.end() && own->first == actor) own = run_.erase(own);
    Shadow shadow{.wide = wide_, .others = run_, .last_id = last_message_id_};
    run_.insert(own, {actor, head_});
    return std::make_shared<const Shadow>(std::move(shadow));
}

EntryPtr ConversationLog::append_change(EntryType type, UserId actor, Time now, const Member* about) {
    take_seq();
    Change change{.conversation = conversation_, .member = about ? *about : Member{}, .pair = {}};
    if (type == EntryType::conversation_created && conversation_.kind == ConversationKind::direct)
        for (const auto& each : members_) change.pair.push_back(each.user);
    auto entry = std::make_shared<Entry>();
    entry->conversation_id = conversation_.id;
    entry->seq = head_;
    entry->type = type;
    entry->created_at = stamp(now);
    entry->actor = actor;
    entry->change = std::make_shared<const Change>(std::move(change));
    entry->message_before = newest_message_;
    return entry;
}

std::vector<EntryPtr> ConversationLog::append_creation(Time now) {
    std::vector<EntryPtr> entries{append_change(EntryType::conversation_created, conversation_.creator, now, nullptr)};
    entries.push_back(append_change(EntryType::member_joined, conversation_.creator, now, find_member(conversation_.creator)));
    for (const auto& each : members_)
        if (each.user.id != conversation_.creator)
            entries.push_back(append_change(EntryType::member_joined, conversation_.creator, now, &each));
    return entries;
}

EntryPtr ConversationLog::append_message(IdGenerator& ids, UserId sender, std::string client_id, std::string text, Time now,
                                         bool shadowed) {
    last_message_id_ = ids.message(last_message_id_);
    auto entry = std::make_shared<Entry>();
    if (shadowed)
        entry->shadow = take_shadowed_seq(sender);
    else
        take_seq();
    newest_message_ = head_;
    entry->conversation_id = conversation_.id;
    entry->seq = head_;
    entry->type = EntryType::message_created;
    entry->created_at = stamped_ = stamp(now);
    entry->actor = sender;
    entry->message.id = last_message_id_;
    entry->message.sender = sender;
    entry->message.client_id = std::move(client_id);
    entry->message.text = std::move(text);
    entry->message.mentions = mentions_in(entry->message.text, sender);
    if (shadowed) {
        if (!has_shadowed(sender)) shadowed_.push_back(sender);
    } else {
        last_message_ = entry;
        shadowed_.clear();
    }
    return entry;
}

Seq ConversationLog::readable_from(const Member& member) const {
    return conversation_.settings.history == HistoryAccess::all ? Seq{1} : member.joined_seq();
}

Mentions ConversationLog::mentions_in(std::string_view text, UserId author) {
    if (text.find('@') == std::string_view::npos) return {};
    const auto* member = find_member(author);
    const auto may_name_all = conversation_.settings.mention_all == MentionAllRight::members || (member && member->role >= Role::admin);
    return find_mentions(text, names_, members_, may_name_all);
}

EntryPtr ConversationLog::append_edited(const Entry& message, std::string text, UserId actor, Time now) {
    auto changed = message.message;
    changed.text = std::move(text);
    changed.mentions = mentions_in(changed.text, actor);
    changed.edited_at = stamp(now);
    return append_revision(EntryType::message_edited, message, std::move(changed), actor, now);
}

EntryPtr ConversationLog::append_deleted(const Entry& message, UserId actor, Time now) {
    const auto& was = message.message;
    Message changed{.id = was.id, .sender = was.sender, .client_id = was.client_id, .text = {}, .mentions = {}, .deleted = true};
    return append_revision(EntryType::message_deleted, message, std::move(changed), actor, now);
}

EntryPtr ConversationLog::append_revision(EntryType type, const Entry& message, Message changed, UserId actor, Time now) {
    auto shadow = message.shadow ? take_shadowed_seq(actor) : nullptr;
    if (!shadow) take_seq();
    changed.revised = head_;
    auto present = std::make_shared<Entry>(message);
    present->message = std::move(changed);
    Revision revision{.target = message.seq,
                      .sender = message.message.sender,
                      .before = message.message.mentions,
                      .after = present->message.mentions,
                      .message = present};
    if (conversation_.settings.history == HistoryAccess::joined)
        for (const auto& each : members_) revision.for_all = revision.for_all && (!each.present() || each.joined_seq() <= message.seq);
    auto entry = std::make_shared<Entry>();
    entry->conversation_id = conversation_.id;
    entry->seq = head_;
    entry->type = type;
    entry->created_at = stamp(now);
    entry->actor = actor;
    entry->revision = std::make_shared<const Revision>(std::move(revision));
    entry->shadow = std::move(shadow);
    entry->message_before = newest_message_;
    if (last_message_ && last_message_->seq == message.seq) last_message_ = std::move(present);
    return entry;
}

EntryPtr ConversationLog::append_joined(const Profile& user, Role role, std::optional<Time> muted_until, UserId actor, Time now) {
    auto at = std::ranges::lower_bound(members_, user.id, {}, [](const Member& m) { return m.user.id; });
    if (at == members_.end() || at->user.id != user.id) {
        addressed_.insert(addressed_.begin() + (at - members_.begin()), Seq{});
        at = members_.insert(at, Member{});
    }
    names_.forget();
    at->user = user;
    at->role = role;
    at->muted_until = muted_until.value_or(at->muted_until);
    at->stays.push_back({next(head_), Seq{}});
    ++conversation_.members_count;
    return append_change(EntryType::member_joined, actor, now, &*at);
}

EntryPtr ConversationLog::append_left(UserId user, UserId actor, Time now) {
    auto& leaver = member(user);
    leaver.stays.back().left = next(head_);
    names_.forget();
    --conversation_.members_count;
    return append_change(EntryType::member_left, actor, now, &leaver);
}

EntryPtr ConversationLog::append_member_updated(UserId user, std::optional<Role> role, std::optional<Time> muted_until, UserId actor,
                                                Time now) {
    auto& changed = member(user);
    changed.role = role.value_or(changed.role);
    changed.muted_until = changed.role == Role::owner ? Time{} : muted_until.value_or(changed.muted_until);
    return append_change(EntryType::member_updated, actor, now, &changed);
}

EntryPtr ConversationLog::append_updated(const UpdateConversation& change, Time now) {
    auto& settings = conversation_.settings;
    conversation_.title = change.title.value_or(conversation_.title);
    settings.history = change.history.value_or(settings.history);
    settings.invite = change.invite.value_or(settings.invite);
    settings.mention_all = change.mention_all.value_or(settings.mention_all);
    return append_change(EntryType::conversation_updated, change.actor.user, now, nullptr);
}

void ConversationLog::rename(const Profile& user) {
    member(user.id).user = user;
    names_.forget();
}

std::optional<UserId> ConversationLog::successor(UserId leaver) const {
    const Member* best = nullptr;
    for (const auto& each : members_) {
        if (!each.present() || each.user.id == leaver) continue;
        const auto older = best && each.role == best->role && each.joined_seq() < best->joined_seq();
        if (!best || each.role > best->role || older) best = &each;
    }
    return best ? std::optional(best->user.id) : std::nullopt;
}

ConversationView ConversationLog::view_of(UserId user) const {
    ConversationView view{
        .conversation = conversation_, .head_seq = wide_, .last_message = last_message_, .my_role = Role::member, .peer = {}, .own = {}};
    const auto own = std::ranges::find(run_, user, &std::pair<UserId, Seq>::first);
    if (own != run_.end()) view.head_seq = own->second;
    if (const auto* me = find_member(user)) {
        view.my_role = me->role;
        if (last_message_ && last_message_->seq < readable_from(*me)) view.last_message = nullptr;
    }
    if (conversation_.kind == ConversationKind::direct)
        for (const auto& each : members_)
            if (each.user.id != user) view.peer = each.user;
    return view;
}

}  // namespace madang
