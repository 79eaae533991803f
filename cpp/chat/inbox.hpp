// A user's inbox: the state machine that gives every entry addressed to the user its cursor, exactly once and in each conversation's order.
//
// Owner and thread: the user's engine's. It writes nothing: the engine stores the items it accepts in the same append.
// Limits: the newest items are kept in memory only while `keep_tail` is on, up to Limits::inbox_tail_items and inbox_tail_bytes.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "base/limits.hpp"
#include "model/entry.hpp"
#include "store/records.hpp"

namespace madang {

class Inbox {
  public:
    Inbox() = default;
    Inbox(std::vector<UserConversation> conversations, Cursor checkpoint, Cursor floor, Cursor tail);

    enum class Verdict : std::uint8_t {
        taken,      // it is item `tail()` now
        duplicate,  // it is there already
        hole,       // an earlier entry of the conversation is missing: nothing changed
    };
    // `prev` = the last entry of this conversation addressed to this user before this one. Taken only if that is the last one here: the
    // rule that makes a lossy, repeating, reordering bus harmless.
    Verdict offer(const EntryPtr& entry, Seq prev, const InboxItem& item, const Limits& limits);

    // An item that is no entry of a log (a note): it has no predecessor and is always taken.
    void take(const EntryPtr& note, const InboxItem& item, const Limits& limits);

    // Items are there from floor() + 1 to tail().
    Cursor tail() const { return tail_; }
    Cursor floor() const { return floor_; }
    // The last entry of a conversation that is here; none = never one.
    Seq last(ConversationId conversation) const;
    // The user's role there as of that entry.
    Role role(ConversationId conversation) const;
    std::span<const UserConversation> conversations() const { return conversations_; }
    const UserConversation* find(ConversationId conversation) const;  // null = nothing of it is here

    // A later version of messages in the memory tail, read from the store: from now on the tail shows it, too.
    void refresh(const EntryPtr& message);

    // The memory tail serves resumes without the disk; on while the user is online.
    void keep_tail(bool on);
    // Events after `after`, if the memory tail reaches back that far; at most `limit`, at most `bytes` of text but at least one.
    std::optional<std::vector<Event>> tail_after(Cursor after, std::size_t limit, std::size_t bytes) const;

    // The newest entry of each conversation among the items in (after, to], in no order: `visit(conversation, seq)`. False, and nothing is
    // visited: the memory tail does not reach back that far.
    template <typename Visit>
    bool newest_of_each(Cursor after, Cursor to, Visit&& visit) const;

    // Conversations changed since the stored checkpoint, when it is old enough to be written anew (every kCheckpointItems items).
    static constexpr std::uint64_t kCheckpointItems = 256;
    bool wants_checkpoint() const { return tail_.value - checkpoint_.value >= kCheckpointItems; }
    Cursor checkpoint() const { return checkpoint_; }
    void checkpointed() { checkpoint_ = tail_; }

  private:
    UserConversation& row(ConversationId conversation);
    void forget_tail();
    void remember(const EntryPtr& entry, Role role, const Limits& limits);

    std::vector<UserConversation> conversations_;  // rising ids
    Cursor checkpoint_;
    Cursor floor_;
    Cursor tail_;
    std::vector<Event> recent_;  // (tail_ − size, tail_]
    std::size_t recent_bytes_ = 0;
    bool keeps_tail_ = false;
};

template <typename Visit>
bool Inbox::newest_of_each(Cursor after, Cursor to, Visit&& visit) const {
    const auto missing = tail_.value - after.value;
    if (missing > recent_.size()) return false;
    std::vector<ConversationId> seen;
    const auto first = recent_.end() - static_cast<std::ptrdiff_t>(missing);
    for (auto at = recent_.end() - static_cast<std::ptrdiff_t>(tail_.value - to.value); at != first;) {
        const auto& entry = *(--at)->entry;
        if (entry.is_note() || std::ranges::find(seen, entry.conversation_id) != seen.end()) continue;
        seen.push_back(entry.conversation_id);
        visit(entry.conversation_id, entry.seq);
    }
    return true;
}

// What an item does to the user's view of its conversation: shared by the live inbox and by the loading of a cold one.
void fold(UserConversation& row, const InboxItem& item, Cursor cursor);

// The entry of an item that holds it whole: read_updated and friend_updated.
EntryPtr note_of(const InboxItem& item, UserId user);

}  // namespace madang
