#include "chat/queries.hpp"

#include <algorithm>
#include <map>

#include "base/mutant.hpp"
#include "chat/conversation_log.hpp"
#include "chat/inbox.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

// Rows of one id lie between (id, 0) and (id + 1): no id is the greatest number.
Key first_of(std::uint64_t id) { return Key{id}; }
Key end_of(std::uint64_t id) { return Key{id + 1}; }

// The one behind what a client names; behind the greatest number there is none, not the first.
template <typename Id>
Id behind(Id given) {
    return next(given) ? next(given) : given;
}

// Reads whole rows by decoding each; the first error ends the scan and is the answer.
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

// What a stored revision refers to, as it is now.
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

std::size_t text_bytes(const Entry& entry) {
    const auto* shown = entry.shown_message();
    return shown ? shown->message.text.size() : 0;
}

// The run of narrow entries right before `seq`, newest first: who got the entry before that one follows from it.
Result<std::vector<EntryPtr>> narrow_before(const Store& store, ConversationId id, Seq seq) {
    std::vector<EntryPtr> run;
    const auto read = each_row(store, Table::message, message_key(id, Seq{1}), message_key(id, seq), Order::descending,
                               [&](std::string_view key, std::string_view value) -> Result<bool> {
                                   auto entry = decode_entry(id, Seq{id_in(key, 8)}, value);
                                   if (!entry) return std::unexpected(entry.error());
                                   const auto goes_on = (*entry)->is_narrow();
                                   if (goes_on) run.push_back(std::move(*entry));
                                   return goes_on;
                               });
    if (!read) return std::unexpected(read.error());
    return run;
}

// The head, and the newest message at or above `from`.
struct Newest {
    Seq head;
    EntryPtr message;
};
Result<Newest> read_newest(const Store& store, ConversationId id, Seq from = Seq{1}) {
    Newest newest;
    const auto read = each_row(store, Table::message, message_key(id, from), end_of(id.value), Order::descending,
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

Result<Member> require_member(const Store& store, ConversationId conversation, UserId user) {
    auto member = read_member(store, conversation, user);
    if (!member) return std::unexpected(member.error());
    if (!*member) return fail(Code::not_found, "no such conversation");
    if (!(*member)->present()) return fail(Code::not_a_member, "you are no longer a member of this conversation");
    return std::move(**member);
}

// ---- cold state
// -----------------------------------------------------------------------------------------------------------------------------

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
                        return true;
                    });
    if (!read) return std::unexpected(read.error());
    for (auto& [conversation, row] : rows) state.conversations.push_back(std::move(row));

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
    const auto walked = each_row(store, Table::message, message_key(id, Seq{1}), end_of(id.value), Order::descending,
                                 [&](std::string_view key, std::string_view value) -> Result<bool> {
                                     auto entry = decode_entry(id, Seq{id_in(key, 8)}, value);
                                     if (!entry) return std::unexpected(entry.error());
                                     if (!state.head) state.head = (*entry)->seq;
                                     for (std::size_t i = 0; missing > 0 && i < addressed.size(); ++i) {
                                         if (addressed[i] || !is_addressed(state.members[i], **entry)) continue;
                                         addressed[i] = (*entry)->seq;
                                         --missing;
                                     }
                                     if (!state.last_message && (*entry)->is_message()) state.last_message = std::move(*entry);
                                     return missing > 0 || !state.last_message;
                                 });
    if (!walked) return std::unexpected(walked.error());
    if (state.last_message) state.last_message_id = state.last_message->message.id;
    if (state.conversation.kind == ConversationKind::direct) return std::optional(std::move(state));
    if (const auto admission = load_admission(store, id, state); !admission) return std::unexpected(admission.error());
    return std::optional(std::move(state));
}

Result<std::vector<Event>> load_inbox_page(const Store& store, const Limits& limits, const LoadInboxPage& page) {
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
                                   bytes += text_bytes(**entry);
                                   if (bytes > limits.page_bytes && !events.empty()) return false;
                                   events.push_back({Cursor{id_in(key, 8)}, item->role, std::move(*entry)});
                                   return events.size() < limit;
                               });
    if (!read) return std::unexpected(read.error());
    return events;
}

Result<std::vector<EntryPtr>> load_entries(const Store& store, const Limits& limits, const LoadEntries& range) {
    std::vector<EntryPtr> entries;
    std::size_t bytes = 0;
    const auto read =
        each_row(store, Table::message, message_key(range.conversation, next(range.after)), message_key(range.conversation, next(range.to)),
                 Order::ascending, [&](auto key, auto value) -> Result<bool> {
                     auto entry = decode_entry(range.conversation, Seq{id_in(key, 8)}, value);
                     if (entry) entry = with_message(store, std::move(*entry));
                     if (!entry) return std::unexpected(entry.error());
                     bytes += text_bytes(**entry);
                     entries.push_back(std::move(*entry));
                     return entries.size() < limits.page_items && bytes < limits.page_bytes;
                 });
    if (!read) return std::unexpected(read.error());
    return entries;
}

Loaded load_entries_of(const Store& store, const Limits& limits, const LoadEntries& range) {
    LoadedEntries loaded{range.conversation, range.user, load_entries(store, limits, range), {}};
    auto narrow = narrow_before(store, range.conversation, next(range.after));
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
    const auto newest = read_newest(store, job.conversation);
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
    return state;
}

// ---- answers
// ----------------------------------------------------------------------------------------------------------------------------------

Result<ConversationView> view(const Store& store, ConversationId id, UserId viewer) {
    const auto me = require_member(store, id, viewer);
    if (!me) return std::unexpected(me.error());
    auto conversation = read_conversation(store, id);
    if (!conversation) return std::unexpected(conversation.error());
    if (!*conversation) return fail(Code::internal, "conversation " + to_string(id) + " has members but no row");
    ConversationView view{
        .conversation = std::move(**conversation), .head_seq = {}, .last_message = {}, .my_role = me->role, .peer = {}, .own = {}};
    auto newest = read_newest(store, id);
    if (!newest) return std::unexpected(newest.error());
    view.head_seq = newest->head;
    const auto visible_from = view.conversation.settings.history == HistoryAccess::all ? Seq{1} : me->joined_seq();
    if (newest->message && newest->message->seq >= visible_from) view.last_message = std::move(newest->message);
    if (view.conversation.kind == ConversationKind::direct) {
        const auto read = each_row(store, Table::member, first_of(id.value), end_of(id.value), Order::ascending,
                                   [&](auto key, auto value) -> Result<bool> {
                                       auto member = decode_member(UserId{id_in(key, 8)}, value);
                                       if (!member) return std::unexpected(member.error());
                                       if (member->user.id != viewer) view.peer = std::move(member->user);
                                       return true;
                                   });
        if (!read) return std::unexpected(read.error());
    }
    return view;
}

class Answer {
  public:
    Answer(const Store& store, const Limits& limits, const Query& query) : store_(store), limits_(limits), query_(query) {}

    Result<Response> operator()(const GetConversation& request) const {
        auto found = view(store_, request.conversation, request.actor.user);
        if (!found) return std::unexpected(found.error());
        found->own = query_.own.at(0);
        return std::move(*found);
    }

    Result<Response> operator()(const UpdateView& request) const { return (*this)(GetConversation{request.actor, request.conversation}); }

    Result<Response> operator()(const ListConversations& request) const {
        ConversationPage page{.conversations = {}, .next = query_.next, .unread_total = query_.unread_total};
        for (std::size_t i = 0; i < query_.conversations.size(); ++i) {
            auto found = view(store_, query_.conversations[i], request.actor.user);
            if (found) found->own = query_.own.at(i);
            // Left between the choice of the page and this read: it is in the list no more.
            if (!found && found.error().code != Code::not_a_member) return std::unexpected(found.error());
            if (found) page.conversations.push_back(std::move(*found));
        }
        return page;
    }

    Result<Response> operator()(const ListMembers& request) const {
        const auto id = request.conversation;
        if (const auto me = require_member(store_, id, request.actor.user); !me) return std::unexpected(me.error());
        const std::size_t limit = std::clamp(request.limit, 1u, limits_.page_items);
        MemberPage page;
        const auto read = each_row(store_, Table::member, member_key(id, behind(request.after.value_or(UserId{}))), end_of(id.value),
                                   Order::ascending, [&](auto key, auto value) -> Result<bool> {
                                       auto member = decode_member(UserId{id_in(key, 8)}, value);
                                       if (!member) return std::unexpected(member.error());
                                       if (!member->present()) return true;
                                       if (page.members.size() == limit) {
                                           page.next = page.members.back().user.id;
                                           return false;
                                       }
                                       page.members.push_back(std::move(*member));
                                       return true;
                                   });
        if (!read) return std::unexpected(read.error());
        return page;
    }

    // Profiles as they are now, not as of the change.
    Result<Response> operator()(const ListRelations&) const {
        RelationPage page;
        for (const auto& relation : query_.relations) {
            const auto bytes = store_.get(Table::account, account_key(relation.other));
            if (!bytes) return std::unexpected(bytes.error());
            if (!*bytes) continue;
            auto account = decode_account(relation.other, **bytes);
            if (!account) return std::unexpected(account.error());
            page.people.push_back({std::move(account->profile), relation.state});
        }
        if (query_.more) page.next = query_.relations.back().other;
        return page;
    }

    // A repeated send: the key is known and the text is the same.
    Result<Response> operator()(const Send& request) const {
        const auto bytes = store_.get(Table::send_key, send_key(request.conversation, request.actor.user, request.client_id));
        if (!bytes) return std::unexpected(bytes.error());
        if (!*bytes) return fail(Code::internal, "the key of a repeated send is gone");
        const auto key = decode_send_key(**bytes);
        if (!key) return std::unexpected(key.error());
        auto entry = read_entry(store_, request.conversation, key->seq);
        if (!entry) return std::unexpected(entry.error());
        return Sent{std::move(*entry), true};
    }

    Result<Response> operator()(const History& request) const {
        auto me = require_member(store_, request.conversation, request.actor.user);
        if (!me && mutant(Mutant::history_for_strangers)) me = Member{.stays = {{Seq{1}, Seq{}}}};
        if (!me) return std::unexpected(me.error());
        const auto conversation = read_conversation(store_, request.conversation);
        if (!conversation) return std::unexpected(conversation.error());
        const auto all = *conversation && (*conversation)->settings.history == HistoryAccess::all;
        const auto floor = all ? Seq{1} : me->joined_seq();
        const std::size_t limit = std::clamp(request.limit, 1u, limits_.page_items);
        const Seq end{~std::uint64_t{0}};

        HistoryPage page;
        if (request.after) {
            return forward(request.conversation, std::max(floor, behind(*request.after)), floor, limit);
        } else if (request.around) {
            // Half before, the message itself and the rest after; what one side lacks, the other may not fill: the page stays centred.
            auto before = backward(request.conversation, floor, *request.around, limit / 2);
            if (!before) return std::unexpected(before.error());
            auto after = forward(request.conversation, std::max(floor, *request.around), floor, limit - limit / 2);
            if (!after) return std::unexpected(after.error());
            page = std::move(*before);
            page.messages.insert(page.messages.end(), after->messages.begin(), after->messages.end());
            page.has_more_after = after->has_more_after;
            return page;
        }
        return backward(request.conversation, floor, request.before.value_or(end), limit);
    }

    Result<Response> operator()(const ListMentions& request) const {
        const auto user = request.actor.user;
        const std::size_t limit = std::clamp(request.limit, 1u, limits_.page_items);
        MentionPage page;
        std::map<ConversationId, Seq> readable;  // from where; beyond every seq: the user is gone
        std::size_t looked_at = 0, bytes = 0;
        MessageId last;
        const auto end = request.before ? mention_key(user, *request.before) : end_of(user.value);
        const auto read =
            each_row(store_, Table::mention, first_of(user.value), end, Order::descending, [&](auto key, auto value) -> Result<bool> {
                if (page.messages.size() == limit || bytes > limits_.page_bytes || looked_at++ == kMentionsLookedAt) {
                    page.next = last;
                    return false;
                }
                last = MessageId{id_in(key, 8)};
                const auto mention = decode_mention(value);
                if (!mention) return std::unexpected(mention.error());
                auto [from, is_new] = readable.try_emplace(mention->conversation_id);
                if (is_new) {
                    const auto floor = readable_from(mention->conversation_id, user);
                    if (!floor) return std::unexpected(floor.error());
                    from->second = *floor;
                }
                if (mention->seq < from->second) return true;
                auto entry = read_entry(store_, mention->conversation_id, mention->seq);
                if (!entry) return std::unexpected(entry.error());
                // Changed just now: the user's engine has not heard of it yet.
                if (!(*entry)->message.mentions.names(user)) return true;
                bytes += (*entry)->message.text.size();
                page.messages.push_back(std::move(*entry));
                return true;
            });
        if (!read) return std::unexpected(read.error());
        return page;
    }

    template <typename Other>
    Result<Response> operator()(const Other&) const {
        return fail(Code::internal, "not a query");
    }

  private:
    static constexpr std::size_t kMentionsLookedAt = 1'000;  // rows for a page; of conversations that were left, most may not be shown

    Result<Seq> readable_from(ConversationId id, UserId user) const {
        const auto member = read_member(store_, id, user);
        if (!member) return std::unexpected(member.error());
        if (!*member || !(*member)->present()) return Seq{~std::uint64_t{0}};
        const auto conversation = read_conversation(store_, id);
        if (!conversation) return std::unexpected(conversation.error());
        const auto all = *conversation && (*conversation)->settings.history == HistoryAccess::all;
        return all ? Seq{1} : (*member)->joined_seq();
    }

    // Up to `limit` messages of a range, and whether another one follows.
    Result<std::pair<std::vector<EntryPtr>, bool>> messages(ConversationId id, Seq from, Seq to, Order order, std::size_t limit) const {
        std::vector<EntryPtr> found;
        bool more = false;
        std::size_t bytes = 0;
        if (from >= to) return std::pair(std::move(found), more);
        const auto read =
            each_row(store_, Table::message, message_key(id, from), message_key(id, to), order, [&](auto key, auto value) -> Result<bool> {
                auto entry = decode_entry(id, Seq{id_in(key, 8)}, value);
                if (!entry) return std::unexpected(entry.error());
                if ((*entry)->type != EntryType::message_created) return true;
                bytes += (*entry)->message.text.size();
                more = found.size() == limit || (bytes > limits_.page_bytes && !found.empty());
                if (!more) found.push_back(std::move(*entry));
                return !more;
            });
        if (!read) return std::unexpected(read.error());
        return std::pair(std::move(found), more);
    }

    Result<bool> any(ConversationId id, Seq from, Seq to) const {
        const auto found = messages(id, from, to, Order::ascending, 0);
        if (!found) return std::unexpected(found.error());
        return found->second;
    }

    Result<HistoryPage> backward(ConversationId id, Seq floor, Seq before, std::size_t limit) const {
        const Seq end{~std::uint64_t{0}};
        auto found = messages(id, floor, before, Order::descending, limit);
        if (!found) return std::unexpected(found.error());
        const auto after = any(id, std::max(floor, before), end);
        if (!after) return std::unexpected(after.error());
        std::ranges::reverse(found->first);
        return HistoryPage{std::move(found->first), found->second, *after};
    }

    Result<HistoryPage> forward(ConversationId id, Seq from, Seq floor, std::size_t limit) const {
        const Seq end{~std::uint64_t{0}};
        auto found = messages(id, from, end, Order::ascending, limit);
        if (!found) return std::unexpected(found.error());
        const auto before = any(id, floor, from);
        if (!before) return std::unexpected(before.error());
        return HistoryPage{std::move(found->first), *before, found->second};
    }

    const Store& store_;
    const Limits& limits_;
    const Query& query_;
};

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
            return LoadedInboxPage{j.user, j.session, j.attach, load_inbox_page(store, limits, j)};
        }
        Loaded operator()(const LoadEntries& j) const { return load_entries_of(store, limits, j); }
        Loaded operator()(const LoadMessage& j) const {
            return LoadedMessage{j.conversation, j.seq, load_message(store, j.conversation, j.seq)};
        }
        Loaded operator()(const Recount& j) const { return Recounted{j.user, j.conversation, recount(store, j)}; }
        Loaded operator()(const LoadJournal&) const { return LoadedJournal{load_journal(store, index, engines)}; }
        Loaded operator()(const LoadUnfinished&) const { return LoadedUnfinished{load_unfinished(store, index, engines)}; }
        Loaded operator()(const Query&) const {
            MADANG_ASSERT(!"a query is answered, not loaded");
            return LoadedJournal{};
        }
    };
    return std::visit(Run{store, limits, index, engines}, job);
}

Result<Response> answer(const Store& store, const Limits& limits, const Query& query) {
    return std::visit(Answer(store, limits, query), query.request);
}

Result<Response> answer(const Store& store, const Limits& limits, const LoadInboxPage& page) {
    auto events = load_inbox_page(store, limits, page);
    if (!events) return std::unexpected(events.error());
    const auto last = events->empty() ? page.after : events->back().cursor;
    return SyncPage{std::move(*events), last, last < page.to};
}

}  // namespace madang
