// What loads and queries read with: single rows, and runs of them, decoded.
// Thread: any. Errors: internal (a damaged or missing row), else as each says.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "chat/effects.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"
#include "store/store.hpp"

namespace madang {

// Rows of one id lie between (id, 0) and (id + 1): no id is the greatest number.
inline Key first_of(std::uint64_t id) { return Key{id}; }
inline Key end_of(std::uint64_t id) { return Key{id + 1}; }

// Reads whole rows by decoding each (`Result<bool>(key, value)`: goes on?); the first error ends the scan and is the answer.
template <typename Decode>
Result<> each_row(const Store& store, Table table, std::string_view from, std::string_view to, Order order, Decode&& decode) {
    Result<> outcome;
    const auto scanned = store.scan(table, from, to, order, [&](std::string_view key, std::string_view value) {
        auto goes_on = decode(key, value);
        if (!goes_on) outcome = std::unexpected(goes_on.error());
        return goes_on && *goes_on;
    });
    return scanned ? outcome : scanned;
}

// None: there is no such row.
Result<std::optional<Conversation>> read_conversation(const Store& store, ConversationId id);
Result<std::optional<Member>> read_member(const Store& store, ConversationId conversation, UserId user);
// Must be there.
Result<EntryPtr> read_entry(const Store& store, ConversationId conversation, Seq seq);
// A revision with what it refers to, as that is now; any other entry as it is.
Result<EntryPtr> with_message(const Store& store, EntryPtr entry);
// The entry as it is shown now: those in it whose accounts were deleted since, without personal data.
Result<EntryPtr> as_shown(const Store& store, EntryPtr entry);
// The profile, or what is left of a deleted one.
Result<Profile> as_shown(const Store& store, Profile profile);
// With the name that the account has now; itself where there is none. For lists of people: what is logged keeps the name of its time.
Result<Profile> present_profile(const Store& store, Profile profile);

// The head and the newest message (null: none), as this user may be shown them.
struct Newest {
    Seq head;
    EntryPtr message;
};
Result<Newest> read_newest(const Store& store, ConversationId id, UserId viewer);

// Errors: not_found, not_a_member.
Result<Member> require_member(const Store& store, ConversationId conversation, UserId user);
// Without what is the viewer's own. Errors: likewise.
Result<ConversationView> read_view(const Store& store, ConversationId id, UserId viewer);
// For Limits::page_bytes.
inline std::size_t text_bytes(const ConversationView& view) { return view.last_message ? view.last_message->text_bytes() : 0; }

// The events of a page: at most its limit, page_items and page_bytes, but always one.
Result<std::vector<Event>> read_inbox_page(const Store& store, const Limits& limits, const LoadInboxPage& page);

}  // namespace madang
