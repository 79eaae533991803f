#include "chat/push_loads.hpp"

#include <algorithm>

#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang {
namespace {

const std::string kEnd(24, '\xFF');

bool owns(EngineIndex index, unsigned engines, UserId user) { return owner_of(slot_of(user), engines) == index; }

// A scan whose visitor may fail.
template <typename Visit>
Result<> scan(const Store& store, Table table, std::string_view from, std::string_view to, Visit&& visit) {
    Result<> outcome;
    const auto scanned = store.scan(table, from, to, Order::ascending, [&](std::string_view key, std::string_view value) {
        auto goes_on = visit(key, value);
        if (!goes_on) outcome = std::unexpected(goes_on.error());
        return goes_on && *goes_on;
    });
    return scanned ? outcome : scanned;
}

Result<std::vector<Undecided>> messages_behind(const Store& store, UserId user, Cursor cursor) {
    std::vector<Undecided> items;
    const auto read =
        scan(store, Table::inbox, inbox_key(user, next(cursor)), Key{user.value + 1}, [&](auto key, auto value) -> Result<bool> {
            const auto item = decode_inbox_item(value);
            if (!item) return std::unexpected(item.error());
            if (item->type == EntryType::message_created && !item->own)
                items.push_back({Cursor{id_in(key, 8)}, item->conversation_id, item->seq});
            return true;
        });
    if (!read) return std::unexpected(read.error());
    return items;
}

// Up to where some device of the user has stored everything.
Result<Cursor> acked_by(const Store& store, UserId user) {
    Cursor acked;
    const auto read = scan(store, Table::device, Key{user.value}, Key{user.value + 1}, [&](auto key, auto value) -> Result<bool> {
        const auto device = decode_device(DeviceId{id_in(key, 8)}, value);
        if (!device) return std::unexpected(device.error());
        acked = std::max(acked, device->acked);
        return true;
    });
    if (!read) return std::unexpected(read.error());
    return acked;
}

template <typename Record>
Result<std::optional<Record>> row(const Store& store, Table table, std::string_view key, auto&& decode) {
    const auto bytes = store.get(table, key);
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return std::optional<Record>{};
    auto record = decode(**bytes);
    if (!record) return std::unexpected(record.error());
    return std::optional<Record>(std::move(*record));
}

Result<LoadedPushes::State> state_of(const Store& store, const PushKey& key) {
    LoadedPushes::State state;
    const auto message = row<EntryPtr>(store, Table::message, message_key(key.conversation, key.seq),
                                       [&](auto bytes) { return decode_entry(key.conversation, key.seq, bytes); });
    if (!message) return std::unexpected(message.error());
    if (!*message || !(**message)->is_message() || (**message)->message.deleted) return state;
    state.message = **message;
    const auto sender = state.message->message.sender;
    state.sender.id = sender;
    const auto account =
        row<Account>(store, Table::account, account_key(sender), [&](auto bytes) { return decode_account(sender, bytes); });
    if (!account) return std::unexpected(account.error());
    if (*account) state.sender = (*account)->profile;
    const auto conversation = row<Conversation>(store, Table::conversation, conversation_key(key.conversation),
                                                [&](auto bytes) { return decode_conversation(key.conversation, bytes); });
    if (!conversation) return std::unexpected(conversation.error());
    if (*conversation) {
        state.kind = (*conversation)->kind;
        state.title = (*conversation)->title;
    }
    return state;
}

}  // namespace

Result<StoredPushes> read_stored_pushes(const Store& store, EngineIndex index, unsigned engines) {
    StoredPushes stored;
    auto read = scan(store, Table::push_open, std::string_view{}, kEnd, [&](auto key, auto value) -> Result<bool> {
        const UserId user{id_in(key)};
        if (!owns(index, engines, user)) return true;
        const auto row = decode_id(value);
        if (!row) return std::unexpected(row.error());
        const auto acked = acked_by(store, user);
        if (!acked) return std::unexpected(acked.error());
        auto items = messages_behind(store, user, std::max(Cursor{*row}, *acked));
        if (!items) return std::unexpected(items.error());
        stored.open.push_back({user, Cursor{*row}, std::move(*items)});
        return true;
    });
    if (!read) return std::unexpected(read.error());
    read = scan(store, Table::push_outbox, std::string_view{}, kEnd, [&](auto key, auto) -> Result<bool> {
        stored.depth += owns(index, engines, UserId{id_in(key)}) ? 1 : 0;
        return true;
    });
    if (!read) return std::unexpected(read.error());
    std::vector<std::pair<Time, PushKey>> dead;
    read = scan(store, Table::push_dead, std::string_view{}, kEnd, [&](auto key, auto value) -> Result<bool> {
        if (!owns(index, engines, UserId{id_in(key)})) return true;
        const auto push = decode_dead_push(value);
        if (!push) return std::unexpected(push.error());
        dead.emplace_back(push->at, push_in(key));
        return true;
    });
    if (!read) return std::unexpected(read.error());
    std::ranges::sort(dead);
    for (const auto& [at, key] : dead) stored.dead.push_back(key);
    return stored;
}

LoadedPushes load_pushes(const Store& store, const Limits& limits, const LoadPushes& job) {
    LoadedPushes loaded;
    std::size_t bytes = 0;
    for (const auto& key : job.keys) {
        if (bytes > limits.page_bytes) {
            loaded.left.push_back(key);
            continue;
        }
        auto state = state_of(store, key);
        if (state && state->message) bytes += state->message->message.text.size();
        loaded.items.push_back({key, std::move(state)});
    }
    return loaded;
}

SweptPushes sweep_pushes(const Store& store, EngineIndex index, unsigned engines, const SweepPushes& job) {
    SweptPushes page;
    const auto from = job.from ? push_key(*job.from) : std::string{};
    const auto read = scan(store, Table::push_outbox, from, kEnd, [&](auto key, auto value) -> Result<bool> {
        if (page.looked_at == job.limit) {
            page.next = push_in(key);
            return false;
        }
        ++page.looked_at;
        if (!owns(index, engines, UserId{id_in(key)})) return true;
        auto push = decode_push(value);
        if (!push) return std::unexpected(push.error());
        if (push->due <= job.due_by)
            page.due.emplace_back(push_in(key), std::move(*push));
        else
            page.next_due = page.next_due ? std::min(*page.next_due, push->due) : push->due;
        return true;
    });
    page.failed = !read;
    return page;
}

Result<DeadPushPage> list_dead_pushes(const Store& store, std::size_t limit, const std::optional<PushKey>& after) {
    DeadPushPage page;
    const auto from = after ? push_key(*after) + '\0' : std::string{};
    const auto read = scan(store, Table::push_dead, from, kEnd, [&](auto key, auto value) -> Result<bool> {
        if (page.pushes.size() == limit) {
            page.next = page.pushes.back().first;
            return false;
        }
        auto push = decode_dead_push(value);
        if (!push) return std::unexpected(push.error());
        page.pushes.emplace_back(push_in(key), std::move(*push));
        return true;
    });
    if (!read) return std::unexpected(read.error());
    return page;
}

}  // namespace madang
