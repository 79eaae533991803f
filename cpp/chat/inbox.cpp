#include "chat/inbox.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "chat/unread.hpp"

namespace madang {
namespace {

std::size_t bytes_of(const Entry& entry) { return sizeof(Entry) + entry.text_bytes(); }

// The same entry showing another version of its message.
EntryPtr with_message(const Entry& entry, const EntryPtr& message) {
    if (entry.is_message()) return message;
    auto changed = std::make_shared<Entry>(entry);
    auto revision = *entry.revision;
    revision.message = message;
    changed->revision = std::make_shared<const Revision>(std::move(revision));
    return changed;
}

auto place_of(auto& rows, ConversationId conversation) {
    return std::ranges::lower_bound(rows, conversation, {}, &UserConversation::conversation_id);
}

// Below zero only if the inbox lacks something, which the audit tells; it must not wrap round then.
void add(std::uint32_t& count, std::int64_t change) {
    count = static_cast<std::uint32_t>(std::max<std::int64_t>(0, std::int64_t{count} + change));
}

}  // namespace

void fold(UserConversation& row, const InboxItem& item, Cursor cursor) {
    row.last_cursor = cursor;
    if (item.type == EntryType::read_updated) {
        row.read_seq = item.seq;
        row.unread = item.note->unread;
        row.unread_mentions = item.note->unread_mentions;
        return;
    }
    const bool was_away = row.left || !row.last_seq;
    row.last_seq = item.seq;
    row.role = item.role;
    if (item.type != EntryType::message_edited && item.type != EntryType::message_deleted) row.active_cursor = cursor;
    if (item.lists) row.listed = true;
    if (item.type == EntryType::member_joined && item.own) {
        row.left = false;
        if (was_away) row.joined_seq = item.seq;  // else a first member, who has everything from conversation_created on
    } else if (item.type == EntryType::member_left && item.own) {
        row.left = true, row.listed = false;
        row.unread = row.unread_mentions = 0;
    } else {
        const auto change = change_by(item, row.unread_from());
        add(row.unread, change.messages);
        add(row.unread_mentions, change.mentions);
    }
}

EntryPtr note_of(const InboxItem& item, UserId user) {
    MADANG_ASSERT(item.note != nullptr);
    auto entry = std::make_shared<Entry>();
    entry->conversation_id = item.conversation_id;
    entry->seq = item.seq;
    entry->type = item.type;
    entry->created_at = item.created_at;
    entry->actor = user;
    entry->note = item.note;
    return entry;
}

Inbox::Inbox(std::vector<UserConversation> conversations, Cursor checkpoint, Cursor floor, Cursor tail)
    : conversations_(std::move(conversations)), checkpoint_(checkpoint), floor_(floor), tail_(tail) {
    MADANG_ASSERT(std::ranges::is_sorted(conversations_, {}, &UserConversation::conversation_id));
}

UserConversation& Inbox::row(ConversationId conversation) {
    auto place = place_of(conversations_, conversation);
    if (place == conversations_.end() || place->conversation_id != conversation)
        place = conversations_.insert(place, UserConversation{.conversation_id = conversation});
    return *place;
}

const UserConversation* Inbox::find(ConversationId conversation) const {
    const auto place = place_of(conversations_, conversation);
    return place == conversations_.end() || place->conversation_id != conversation ? nullptr : &*place;
}

Seq Inbox::last(ConversationId conversation) const {
    const auto* found = find(conversation);
    return found ? found->last_seq : Seq{};
}

Role Inbox::role(ConversationId conversation) const {
    const auto* found = find(conversation);
    return found ? found->role : Role::member;
}

Inbox::Verdict Inbox::offer(const EntryPtr& entry, Seq prev, const InboxItem& item, const Limits& limits) {
    const auto have = last(entry->conversation_id);
    if (entry->seq <= have && !mutant(Mutant::inbox_takes_twice)) return Verdict::duplicate;
    if (prev > have && !mutant(Mutant::inbox_ignores_hole)) return Verdict::hole;
    take(entry, item, limits);
    return Verdict::taken;
}

void Inbox::take(const EntryPtr& entry, const InboxItem& item, const Limits& limits) {
    tail_ = next(tail_);
    if (item.conversation_id) fold(row(item.conversation_id), item, tail_);
    if (!keeps_tail_) return;
    if (entry->revision && !mutant(Mutant::replay_old_text)) refresh(entry->revision->message);
    // Who is gone hears of no revision: what came before is replayed from the store, which has the present texts.
    if (item.type == EntryType::member_left && item.own) forget_tail();
    remember(entry, item.role, limits);
}

void Inbox::remember(const EntryPtr& entry, Role role, const Limits& limits) {
    recent_.push_back({tail_, role, entry});
    recent_bytes_ += bytes_of(*entry);
    // Half goes at once, so that dropping costs O(1) an item.
    if (recent_.size() <= limits.inbox_tail_items && recent_bytes_ <= limits.inbox_tail_bytes) return;
    const auto gone = recent_.begin() + static_cast<std::ptrdiff_t>((recent_.size() + 1) / 2);
    for (auto at = recent_.begin(); at != gone; ++at) recent_bytes_ -= bytes_of(*at->entry);
    recent_.erase(recent_.begin(), gone);
}

void Inbox::refresh(const EntryPtr& message) {
    for (auto& each : recent_) {
        const auto* shown = each.entry->shown_message();
        if (!shown || shown->conversation_id != message->conversation_id || shown->seq != message->seq) continue;
        if (shown->message.revised >= message->message.revised) continue;
        recent_bytes_ -= bytes_of(*each.entry);
        each.entry = with_message(*each.entry, message);
        recent_bytes_ += bytes_of(*each.entry);
    }
}

void Inbox::forget_tail() {
    recent_ = {};
    recent_bytes_ = 0;
}

void Inbox::keep_tail(bool on) {
    keeps_tail_ = on;
    if (!on) forget_tail();
}

std::optional<std::vector<Event>> Inbox::tail_after(Cursor after, std::size_t limit, std::size_t bytes) const {
    const auto missing = tail_.value - after.value;
    if (missing > recent_.size()) return std::nullopt;
    std::vector<Event> events;
    std::size_t taken = 0;
    for (auto at = recent_.end() - static_cast<std::ptrdiff_t>(missing); at != recent_.end() && events.size() < limit; ++at) {
        taken += at->entry->text_bytes();
        if (taken > bytes && !events.empty()) break;
        events.push_back(*at);
    }
    return events;
}

}  // namespace madang
