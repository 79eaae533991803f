// What is unread: messages of others behind the marker and since joining that are not deleted. A pure function of log, marker and
// membership, had in two ways that must agree: by folding the inbox's items, and by counting in the log.
// Thread: any.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "store/records.hpp"
#include "store/store.hpp"

namespace madang {

// A recount looks at so many positions of the log at most; whoever asks chooses the shorter side of the marker.
inline constexpr std::uint64_t kRecountEntries = 100'000;

// How many messages, and how many of them name the user; below zero in a difference.
struct Unread {
    std::int64_t messages = 0;
    std::int64_t mentions = 0;

    Unread& operator+=(const Unread& other) { return messages += other.messages, mentions += other.mentions, *this; }
    Unread operator-() const { return {-messages, -mentions}; }
    bool operator==(const Unread&) const = default;
};

// What an item changes in the count from the position `from` on.
Unread change_by(const InboxItem& item, Seq from);

// The count in [from, to] of the log, for `user`, as it was when the entry `as_of` was the newest one (to ≤ as_of): what was edited or
// deleted by later entries counts as it was before. Errors: internal.
Result<Unread> count_unread(const Store& store, UserId user, ConversationId conversation, Seq from, Seq to, Seq as_of);

}  // namespace madang
