#include "chat/loads.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "base/mutant.hpp"
#include "chat/conversation_log.hpp"
#include "chat/inbox.hpp"
#include "chat/log_walk.hpp"
#include "chat/push_loads.hpp"
#include "chat/receipt_queries.hpp"
#include "chat/stored.hpp"

namespace madang {
namespace {

// The run of narrow entries right before `seq`, newest first, of shadowed ones in a row the newest alone: who got the entry before that one
// follows from it.
Result<std::vector<EntryPtr>> narrow_before(const Store& store, ConversationId id, Seq seq) {
    std::vector<EntryPtr> run;
    const auto read = walk_runs_back(store, id, seq, [&](const EntryPtr& entry) -> Result<bool> {
        if (entry->is_narrow()) run.push_back(entry);
        return entry->is_narrow();
    });
    if (!read) return std::unexpected(read.error());
    return run;
}

Result<std::optional<LoadedUser::State>> load_user(const Store& store, UserId id) {
    const auto account = store.get(Table::account, account_key(id));
    if (!account) return std::unexpected(account.error());
    if (!*account) return std::optional<LoadedUser::State>{};
    LoadedUser::State state;
    auto decoded = decode_account(id, **account);
    if (!decoded) return std::unexpected(decoded.error());
    state.account = std::move(*decoded);

    auto read =
        each_row(store, Table::device, first_of(id.value), end_of(id.value), Order::ascending, [&](auto key, auto value) -> Result<bool> {
            auto device = decode_device(DeviceId{id_in(key, 8)}, value);
            if (!device) return std::unexpected(device.error());
            state.devices.push_back(std::move(*device));
            return true;
        });
    if (!read) return std::unexpected(read.error());

    Cursor acked;
    for (const auto& device : state.devices) acked = std::max(acked, device.acked);
    std::map<ConversationId, Seq> delivered;
    std::map<ConversationId, UserConversation> rows;
    read = each_row(store, Table::user_conversation, first_of(id.value), end_of(id.value), Order::ascending,
                    [&](auto key, auto value) -> Result<bool> {
                        const ConversationId conversation{id_in(key, 8)};
                        if (!conversation) {
                            const auto checkpoint = decode_id(value);
                            if (!checkpoint) return std::unexpected(checkpoint.error());
                            state.checkpoint = Cursor{*checkpoint};
                            return true;
                        }
                        auto row = decode_user_conversation(conversation, value);
                        if (!row) return std::unexpected(row.error());
                        rows.emplace(conversation, std::move(*row));
                        return true;
                    });
    if (!read) return std::unexpected(read.error());

    state.tail = state.checkpoint;
    read = each_row(store, Table::inbox, inbox_key(id, next(state.checkpoint)), end_of(id.value), Order::ascending,
                    [&](auto key, auto value) -> Result<bool> {
                        const auto item = decode_inbox_item(value);
                        if (!item) return std::unexpected(item.error());
                        state.tail = Cursor{id_in(key, 8)};
                        if (!item->conversation_id) return true;  // about nobody's conversation
                        auto& row = rows[item->conversation_id];
                        row.conversation_id = item->conversation_id;
                        fold(row, *item, state.tail);
                        if (!item->note && state.tail <= acked) delivered[item->conversation_id] = item->seq;
                        return true;
                    });
    if (!read) return std::unexpected(read.error());
    for (auto& [conversation, row] : rows) state.conversations.push_back(std::move(row));
    auto untold = read_untold(store, id, state.conversations, acked, delivered);
    if (!untold) return std::unexpected(untold.error());
    state.untold = std::move(*untold);

    read = each_row(store, Table::preference, first_of(id.value), end_of(id.value), Order::ascending,
                    [&](auto key, auto value) -> Result<bool> {
                        const auto preference = decode_preference(value);
                        if (!preference) return std::unexpected(preference.error());
                        state.preferences.emplace(ConversationId{id_in(key, 8)}, *preference);
                        return true;
                    });
    if (!read) return std::unexpected(read.error());

    read =
        each_row(store, Table::relation, first_of(id.value), end_of(id.value), Order::ascending, [&](auto key, auto value) -> Result<bool> {
            const auto relation = decode_relation(UserId{id_in(key, 8)}, value);
            if (!relation) return std::unexpected(relation.error());
            if (!relation->is_neutral()) state.relations.push_back(*relation);
            return true;
        });
    if (!read) return std::unexpected(read.error());

    state.floor = state.tail;
    read = each_row(store, Table::inbox, inbox_key(id, Cursor{1}), end_of(id.value), Order::ascending, [&](auto key, auto) -> Result<bool> {
        state.floor = Cursor{id_in(key, 8) - 1};
        return false;
    });
    if (!read) return std::unexpected(read.error());
    return std::optional(std::move(state));
}

Result<> load_admission(const Store& store, ConversationId id, LoadedConversation::State& state) {
    const auto bans =
        each_row(store, Table::ban, first_of(id.value), end_of(id.value), Order::ascending, [&](auto key, auto value) -> Result<bool> {
            auto ban = decode_ban(UserId{id_in(key, 8)}, value);
            if (!ban) return std::unexpected(ban.error());
            state.bans.push_back(std::move(*ban));
            return true;
        });
    if (!bans) return bans;
    return each_row(store, Table::invite, first_of(id.value), end_of(id.value), Order::ascending,
                    [&](auto key, auto value) -> Result<bool> {
                        const auto invite = decode_invite(secret_in(key), value);
                        if (!invite) return std::unexpected(invite.error());
                        state.invites.push_back(*invite);
                        return true;
                    });
}

Result<std::optional<LoadedConversation::State>> load_conversation(const Store& store, ConversationId id) {
    auto conversation = read_conversation(store, id);
    if (!conversation) return std::unexpected(conversation.error());
    if (!*conversation) return std::optional<LoadedConversation::State>{};
    LoadedConversation::State state{.conversation = std::move(**conversation),
                                    .members = {},
                                    .head = {},
                                    .last_message_id = {},
                                    .last_message = {},
                                    .addressed = {},
                                    .newest = {},
                                    .shadowed = {},
                                    .bans = {},
                                    .invites = {}};
    const auto read =
        each_row(store, Table::member, first_of(id.value), end_of(id.value), Order::ascending, [&](auto key, auto value) -> Result<bool> {
            auto member = decode_member(UserId{id_in(key, 8)}, value);
            if (!member) return std::unexpected(member.error());
            state.members.push_back(std::move(*member));
            return true;
        });
    if (!read) return std::unexpected(read.error());
    // Back from the head, until the newest message is found and everybody's newest entry.
    auto& addressed = state.addressed;
    for (const auto& member : state.members) addressed.push_back(member.stays.back().left);
    auto missing = static_cast<std::size_t>(std::ranges::count(addressed, Seq{}));
    Seq behind;
    const auto visit = [&](const EntryPtr& entry) -> Result<bool> {
        if (!state.newest) state.newest = entry;
        for (std::size_t i = 0; missing > 0 && i < addressed.size(); ++i) {
            if (addressed[i]) continue;
            addressed[i] = newest_addressed(state.members[i], *entry);
            if (addressed[i]) --missing;
        }
        if (!state.last_message && entry->shadow) {
            state.last_message_id = std::max(state.last_message_id, entry->shadow->last_id);
            state.shadowed.push_back(entry->actor);
            for (const auto& [user, seq] : entry->shadow->others) state.shadowed.push_back(user);
        }
        if (!state.last_message && !entry->shadow && entry->is_message()) state.last_message = entry;
        if (missing == 0 && state.last_message) return false;
        if (missing > 0 || !entry->message_before || next(*entry->message_before) == entry->seq) return true;
        behind = next(*entry->message_before);
        return false;
    };
    for (auto to = kBehindAll; to; to = std::exchange(behind, Seq{}))
        if (const auto walked = walk_runs_back(store, id, to, visit); !walked) return std::unexpected(walked.error());
    if (state.newest) state.head = state.newest->seq;
    if (state.last_message) state.last_message_id = std::max(state.last_message_id, state.last_message->message.id);
    auto receipts = read_receipts(store, id);
    if (!receipts) return std::unexpected(receipts.error());
    state.receipts = std::move(*receipts);
    if (state.conversation.kind == ConversationKind::direct) return std::optional(std::move(state));
    if (const auto admission = load_admission(store, id, state); !admission) return std::unexpected(admission.error());
    return std::optional(std::move(state));
}

Result<std::vector<EntryPtr>> load_entries(const Store& store, const Limits& limits, const LoadEntries& range) {
    std::vector<EntryPtr> entries;
    std::size_t bytes = 0;
    const auto visit = [&](const EntryPtr& stored) -> Result<bool> {
        auto entry = with_message(store, stored);
        if (!entry) return std::unexpected(entry.error());
        bytes += (*entry)->text_bytes();
        entries.push_back(std::move(*entry));
        return entries.size() < limits.page_items && bytes < limits.page_bytes;
    };
    const auto read = walk_shown(store, range.conversation, range.user, next(range.after), next(range.to), visit);
    if (!read) return std::unexpected(read.error());
    return entries;
}

Loaded load_entries_of(const Store& store, const Limits& limits, const LoadEntries& range) {
    LoadedEntries loaded{range.conversation, range.user, load_entries(store, limits, range), {}};
    if (!loaded.entries || loaded.entries->empty()) return loaded;
    auto narrow = narrow_before(store, range.conversation, loaded.entries->front()->seq);
    if (narrow)
        loaded.narrow = std::move(*narrow);
    else
        loaded.entries = std::unexpected(narrow.error());
    return loaded;
}

Result<EntryPtr> load_message(const Store& store, ConversationId conversation, Seq seq) {
    const auto bytes = store.get(Table::message, message_key(conversation, seq));
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return EntryPtr{};
    auto entry = decode_entry(conversation, seq, **bytes);
    if (entry && !(*entry)->is_message()) return EntryPtr{};
    return entry;
}

Result<std::vector<LoadedJournal::Unfinished>> load_journal(const Store& store, EngineIndex index, unsigned engines) {
    std::vector<LoadedJournal::Unfinished> entries;
    const std::string end(16, '\xFF');
    const auto read = each_row(store, Table::journal, std::string_view{}, end, Order::ascending, [&](auto key, auto) -> Result<bool> {
        const ConversationId conversation{id_in(key, 0)};
        if (owner_of(slot_of(conversation), engines) != index) return true;
        const Seq seq{id_in(key, 8)};
        auto entry = read_entry(store, conversation, seq);
        if (entry) entry = with_message(store, std::move(*entry));
        if (!entry) return std::unexpected(entry.error());
        auto narrow = narrow_before(store, conversation, seq);
        if (!narrow) return std::unexpected(narrow.error());
        entries.push_back({std::move(*entry), std::move(*narrow)});
        return true;
    });
    if (!read) return std::unexpected(read.error());
    return entries;
}

Result<Recounted::State> recount(const Store& store, const Recount& job) {
    const auto member = read_member(store, job.conversation, job.user);
    if (!member) return std::unexpected(member.error());
    Recounted::State state{.known = member->has_value(), .present = *member && (*member)->present(), .head = {}, .counted = {}};
    if (!state.known) return state;
    const auto newest = read_newest(store, job.conversation, job.user);
    if (!newest) return std::unexpected(newest.error());
    state.head = newest->head;
    const auto counted = count_unread(store, job.user, job.conversation, job.from, job.to, job.as_of);
    if (!counted) return std::unexpected(counted.error());
    state.counted = *counted;
    return state;
}

Result<LoadedUnfinished::State> load_unfinished(const Store& store, EngineIndex index, unsigned engines) {
    LoadedUnfinished::State state;
    const std::string end(24, '\xFF');
    const auto read =
        each_row(store, Table::relation_journal, std::string_view{}, end, Order::ascending, [&](auto key, auto value) -> Result<bool> {
            const UserId lower{id_in(key)}, higher{id_in(key, 8)};
            if (owner_of(slot_of_pair(lower, higher), engines) != index) return true;
            auto change = decode_relation_change(lower, higher, value);
            if (!change) return std::unexpected(change.error());
            state.changes.push_back(std::move(*change));
            return true;
        });
    if (!read) return std::unexpected(read.error());
    const auto departures =
        each_row(store, Table::departure, std::string_view{}, end, Order::ascending, [&](auto key, auto) -> Result<bool> {
            const UserId user{id_in(key)};
            if (owner_of(slot_of(user), engines) == index) state.departures.push_back(user);
            return true;
        });
    if (!departures) return std::unexpected(departures.error());
    return state;
}

// Tables with rows under a user's id, but for the account itself, the row that says that it is going, and pushes, which end by themselves
// as those of any account that is shut.
constexpr std::array kTablesOfUsers{Table::device,     Table::inbox,    Table::mention,
                                    Table::preference, Table::relation, Table::user_conversation};
constexpr std::size_t kLeftoversAtOnce = 1'000;

LoadedLeftovers load_leftovers(const Store& store, UserId user) {
    LoadedLeftovers loaded{user, {}, false};
    for (const auto table : kTablesOfUsers) {
        const auto read = store.scan(table, first_of(user.value), end_of(user.value), Order::ascending, [&](auto key, auto) {
            loaded.more = loaded.rows->size() == kLeftoversAtOnce;
            if (!loaded.more) loaded.rows->emplace_back(table, key);
            return !loaded.more;
        });
        if (!read) {
            loaded.rows = std::unexpected(read.error());
            return loaded;
        }
        if (loaded.more) break;
    }
    return loaded;
}

}  // namespace

Loaded load(const Store& store, const Limits& limits, EngineIndex index, unsigned engines, const Job& job) {
    struct Run {
        const Store& store;
        const Limits& limits;
        EngineIndex index;
        unsigned engines;
        Loaded operator()(const LoadUser& j) const { return LoadedUser{j.user, load_user(store, j.user)}; }
        Loaded operator()(const LoadConversation& j) const {
            return LoadedConversation{j.conversation, load_conversation(store, j.conversation)};
        }
        Loaded operator()(const LoadInboxPage& j) const {
            return LoadedInboxPage{j.user, j.session, j.attach, read_inbox_page(store, limits, j)};
        }
        Loaded operator()(const LoadEntries& j) const { return load_entries_of(store, limits, j); }
        Loaded operator()(const LoadMessage& j) const {
            return LoadedMessage{j.conversation, j.seq, load_message(store, j.conversation, j.seq), j.for_check};
        }
        Loaded operator()(const Recount& j) const { return Recounted{j.user, j.conversation, recount(store, j)}; }
        Loaded operator()(const LoadJournal&) const { return LoadedJournal{load_journal(store, index, engines)}; }
        Loaded operator()(const LoadUnfinished&) const { return LoadedUnfinished{load_unfinished(store, index, engines)}; }
        Loaded operator()(const LoadPushes& j) const { return load_pushes(store, limits, j); }
        Loaded operator()(const SweepPushes& j) const { return sweep_pushes(store, index, engines, j); }
        Loaded operator()(const LoadLeftovers& j) const { return load_leftovers(store, j.user); }
        Loaded operator()(const LoadDelivered& j) const { return LoadedDelivered{j.user, j.to, read_delivered(store, j)}; }
        Loaded operator()(const Query&) const {
            MADANG_ASSERT(!"a query is answered, not loaded");
            return LoadedJournal{};
        }
    };
    return std::visit(Run{store, limits, index, engines}, job);
}

}  // namespace madang
