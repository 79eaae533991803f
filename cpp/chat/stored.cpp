#include "chat/stored.hpp"

#include "chat/inbox.hpp"
#include "chat/log_walk.hpp"
#include "model/deleted_user.hpp"

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

Result<Profile> present_profile(const Store& store, Profile profile) {
    const auto bytes = store.get(Table::account, account_key(profile.id));
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return profile;
    auto account = decode_account(profile.id, **bytes);
    if (!account) return std::unexpected(account.error());
    return std::move(account->profile);
}

Result<Profile> as_shown(const Store& store, Profile profile) {
    auto present = present_profile(store, profile);
    if (!present) return present;
    return is_deleted(*present) ? std::move(present) : Result<Profile>(std::move(profile));
}

Result<EntryPtr> as_shown(const Store& store, EntryPtr entry) {
    const auto settle = [&](Profile& profile) -> Result<bool> {
        auto shown = as_shown(store, profile);
        if (!shown) return std::unexpected(shown.error());
        if (*shown == profile) return false;
        profile = std::move(*shown);
        return true;
    };
    if (entry->change) {
        auto change = *entry->change;
        bool is_other = false;
        if (change.member.user.id) {
            const auto settled = settle(change.member.user);
            if (!settled) return std::unexpected(settled.error());
            is_other = *settled;
        }
        for (auto& profile : change.pair) {
            const auto settled = settle(profile);
            if (!settled) return std::unexpected(settled.error());
            is_other |= *settled;
        }
        if (!is_other) return entry;
        auto shown = std::make_shared<Entry>(*entry);
        shown->change = std::make_shared<const Change>(std::move(change));
        return EntryPtr{std::move(shown)};
    }
    if (entry->type != EntryType::friend_updated) return entry;
    auto note = *entry->note;
    const auto settled = settle(note.user);
    if (!settled) return std::unexpected(settled.error());
    if (!*settled) return entry;
    auto shown = std::make_shared<Entry>(*entry);
    shown->note = std::make_shared<const Note>(std::move(note));
    return EntryPtr{std::move(shown)};
}

Result<Newest> read_newest(const Store& store, ConversationId id, UserId viewer) {
    Newest newest;
    auto read = walk_shown_back(store, id, viewer, Seq{1}, kBehindAll, [&](const EntryPtr& entry) -> Result<bool> {
        newest.head = entry->seq;
        return false;
    });
    if (!read) return std::unexpected(read.error());
    read = walk_messages_back(store, id, viewer, Seq{1}, next(newest.head), [&](const EntryPtr& entry) -> Result<bool> {
        newest.message = entry;
        return false;
    });
    if (!read) return std::unexpected(read.error());
    return newest;
}

Result<Member> require_member(const Store& store, ConversationId conversation, UserId user) {
    auto member = read_member(store, conversation, user);
    if (!member) return std::unexpected(member.error());
    if (!*member) return fail(Code::not_found, "no such conversation");
    if (!(*member)->present()) return fail(Code::not_a_member, "you are no longer a member of this conversation");
    return std::move(**member);
}

Result<ConversationView> read_view(const Store& store, ConversationId id, UserId viewer) {
    const auto me = require_member(store, id, viewer);
    if (!me) return std::unexpected(me.error());
    auto conversation = read_conversation(store, id);
    if (!conversation) return std::unexpected(conversation.error());
    if (!*conversation) return fail(Code::internal, "conversation " + to_string(id) + " has members but no row");
    ConversationView view{
        .conversation = std::move(**conversation), .head_seq = {}, .last_message = {}, .my_role = me->role, .peer = {}, .own = {}};
    auto newest = read_newest(store, id, viewer);
    if (!newest) return std::unexpected(newest.error());
    view.head_seq = newest->head;
    const auto visible_from = view.conversation.settings.history == HistoryAccess::all ? Seq{1} : me->joined_seq();
    if (newest->message && newest->message->seq >= visible_from) view.last_message = std::move(newest->message);
    if (view.conversation.kind == ConversationKind::direct) {
        const auto read = each_row(store, Table::member, first_of(id.value), end_of(id.value), Order::ascending,
                                   [&](auto key, auto value) -> Result<bool> {
                                       auto member = decode_member(UserId{id_in(key, 8)}, value);
                                       if (!member) return std::unexpected(member.error());
                                       if (member->user.id == viewer) return true;
                                       auto peer = present_profile(store, std::move(member->user));
                                       if (!peer) return std::unexpected(peer.error());
                                       view.peer = std::move(*peer);
                                       return true;
                                   });
        if (!read) return std::unexpected(read.error());
    }
    return view;
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
                                   if (entry) entry = as_shown(store, std::move(*entry));
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
