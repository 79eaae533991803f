#include "chat/stored.hpp"

#include "chat/inbox.hpp"

namespace madang {

Result<std::optional<Conversation>> read_conversation(const Store& store, ConversationId id) {
    const auto bytes = store.get(Table::conversation, conversation_key(id));
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return std::optional<Conversation>{};
    return decode_conversation(id, **bytes);
}

Result<std::optional<Member>> read_member(const Store& store, ConversationId conversation, UserId user) {
    const auto bytes = store.get(Table::member, member_key(conversation, user));
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return std::optional<Member>{};
    return decode_member(user, **bytes);
}

Result<EntryPtr> read_entry(const Store& store, ConversationId conversation, Seq seq) {
    const auto bytes = store.get(Table::message, message_key(conversation, seq));
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return fail(Code::internal, "entry " + to_string(conversation) + "/" + to_string(seq) + " is missing from the log");
    return decode_entry(conversation, seq, **bytes);
}

Result<EntryPtr> with_message(const Store& store, EntryPtr entry) {
    if (!entry->revision) return entry;
    auto message = read_entry(store, entry->conversation_id, entry->revision->target);
    if (!message) return message;
    auto revision = *entry->revision;
    revision.message = std::move(*message);
    auto whole = std::make_shared<Entry>(*entry);
    whole->revision = std::make_shared<const Revision>(std::move(revision));
    return EntryPtr{std::move(whole)};
}

Result<Newest> read_newest(const Store& store, ConversationId id) {
    Newest newest;
    const auto read = each_row(store, Table::message, message_key(id, Seq{1}), end_of(id.value), Order::descending,
                               [&](std::string_view key, std::string_view value) -> Result<bool> {
                                   const Seq seq{id_in(key, 8)};
                                   if (!newest.head) newest.head = seq;
                                   auto entry = decode_entry(id, seq, value);
                                   if (!entry) return std::unexpected(entry.error());
                                   if ((*entry)->type != EntryType::message_created) return true;
                                   newest.message = std::move(*entry);
                                   return false;
                               });
    if (!read) return std::unexpected(read.error());
    return newest;
}

Result<std::vector<Event>> read_inbox_page(const Store& store, const Limits& limits, const LoadInboxPage& page) {
    std::vector<Event> events;
    std::size_t bytes = 0;
    const auto limit = std::min(page.limit, limits.page_items);
    const auto read = each_row(store, Table::inbox, inbox_key(page.user, next(page.after)), inbox_key(page.user, next(page.to)),
                               Order::ascending, [&](auto key, auto value) -> Result<bool> {
                                   const auto item = decode_inbox_item(value);
                                   if (!item) return std::unexpected(item.error());
                                   auto entry = item->note ? Result<EntryPtr>(note_of(*item, page.user))
                                                           : read_entry(store, item->conversation_id, item->seq);
                                   if (entry && !item->note) entry = with_message(store, std::move(*entry));
                                   if (!entry) return std::unexpected(entry.error());
                                   bytes += (*entry)->text_bytes();
                                   if (bytes > limits.page_bytes && !events.empty()) return false;
                                   events.push_back({Cursor{id_in(key, 8)}, item->role, std::move(*entry)});
                                   return events.size() < limit;
                               });
    if (!read) return std::unexpected(read.error());
    return events;
}

}  // namespace madang
