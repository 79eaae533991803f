#include "chat/unread.hpp"

#include <map>

#include "base/mutant.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

// Visits the entries of [from, to] in order.
template <typename Visit>
Result<> each_entry(const Store& store, ConversationId conversation, Seq from, Seq to, Visit&& visit) {
    Result<> outcome;
    if (to < from) return outcome;
    const auto scanned = store.scan(Table::message, message_key(conversation, from), message_key(conversation, next(to)), Order::ascending,
                                    [&](std::string_view key, std::string_view value) {
                                        const auto entry = decode_entry(conversation, Seq{id_in(key, 8)}, value);
                                        if (entry)
                                            visit(**entry);
                                        else
                                            outcome = std::unexpected(entry.error());
                                        return entry.has_value();
                                    });
    return scanned ? outcome : scanned;
}

}  // namespace

Unread change_by(const InboxItem& item, Seq from) {
    if (item.own && !mutant(Mutant::count_own_messages)) return {};
    switch (item.type) {
        case EntryType::message_created: return item.seq >= from ? Unread{1, item.mentioned} : Unread{};
        case EntryType::message_edited: return item.target >= from ? Unread{0, int{item.mentioned} - int{item.was_mentioned}} : Unread{};
        case EntryType::message_deleted: return item.target >= from ? Unread{-1, -int{item.was_mentioned}} : Unread{};
        default: return {};
    }
}

Result<Unread> count_unread(const Store& store, UserId user, ConversationId conversation, Seq from, Seq to, Seq as_of) {
    std::map<Seq, Unread> counted;
    const auto messages = each_entry(store, conversation, from, to, [&](const Entry& entry) {
        if (!entry.is_message() || entry.message.sender == user || (entry.shadow && !mutant(Mutant::shadow_counts))) return;
        const auto& message = entry.message;
        counted.emplace(entry.seq, message.deleted ? Unread{} : Unread{1, message.mentions.names(user)});
    });
    if (!messages) return std::unexpected(messages.error());
    if (counted.empty()) return Unread{};
    // After the messages, so that no change which they show already is missing here. A message that is revised after `as_of` was not
    // deleted then, and named whom the first such revision says it did.
    std::map<Seq, bool> undone;
    const auto revisions = each_entry(store, conversation, next(as_of), Seq{~std::uint64_t{0} - 1}, [&](const Entry& entry) {
        if (!entry.is_revision()) return;
        const auto at = counted.find(entry.revision->target);
        if (at != counted.end() && undone.try_emplace(at->first).second) at->second = Unread{1, entry.revision->before.names(user)};
    });
    if (!revisions) return std::unexpected(revisions.error());
    Unread sum;
    for (const auto& [seq, each] : counted) sum += each;
    return sum;
}

}  // namespace madang
