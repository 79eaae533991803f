#include "chat/queries.hpp"

#include <algorithm>
#include <map>

#include "base/mutant.hpp"
#include "chat/export.hpp"
#include "chat/log_walk.hpp"
#include "chat/push_loads.hpp"
#include "chat/receipt_queries.hpp"
#include "chat/stored.hpp"
#include "chat/user_audit.hpp"

namespace madang {
namespace {

// The one behind what a client names; behind the greatest number there is none, not the first.
template <typename Id>
Id behind(Id given) {
    return next(given) ? next(given) : given;
}

class Answer {
  public:
    Answer(const Store& store, const Limits& limits, const Query& query) : store_(store), limits_(limits), query_(query) {}

    Result<Response> operator()(const GetConversation& request) const {
        auto found = read_view(store_, request.conversation, request.actor.user);
        if (!found) return std::unexpected(found.error());
        if (!query_.own.empty()) found->own = query_.own.front();
        return std::move(*found);
    }

    Result<Response> operator()(const UpdateView& request) const { return (*this)(GetConversation{request.actor, request.conversation}); }

    Result<Response> operator()(const ListConversations& request) const {
        ConversationPage page{.conversations = {}, .next = query_.next, .unread_total = query_.unread_total};
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < query_.conversations.size(); ++i) {
            if (bytes > limits_.page_bytes) {
                page.next = query_.places.at(i - 1);
                break;
            }
            auto found = read_view(store_, query_.conversations[i], request.actor.user);
            if (found) found->own = query_.own.at(i);
            // Left between the choice of the page and this read: it is in the list no more.
            if (!found && found.error().code != Code::not_a_member) return std::unexpected(found.error());
            if (!found) continue;
            bytes += text_bytes(*found);
            page.conversations.push_back(std::move(*found));
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
                                           page.next = page.members.back().member.user.id;
                                           return false;
                                       }
                                       auto user = present_profile(store_, std::move(member->user));
                                       if (!user) return std::unexpected(user.error());
                                       member->user = std::move(*user);
                                       page.members.push_back({std::move(*member), {}});
                                       return true;
                                   });
        if (!read) return std::unexpected(read.error());
        if (const auto filled = fill_in_receipts(store_, id, request.actor.user, page.members); !filled)
            return std::unexpected(filled.error());
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

    Result<Response> operator()(const Export&) const { return export_page(store_, limits_, query_); }

    Result<Response> operator()(const AuditUser& request) const { return audit(store_, limits_, *query_.audited, request.after); }

    Result<Response> operator()(const ListHeld& request) const {
        const std::size_t limit = std::clamp(request.limit, 1u, limits_.page_items);
        HeldPage page;
        std::size_t bytes = 0;
        const auto read = each_row(store_, Table::held, held_key(behind(request.after.value_or(HeldId{}))),
                                   held_key(HeldId{~std::uint64_t{0}}), Order::ascending, [&](auto key, auto value) -> Result<bool> {
                                       auto held = decode_held(HeldId{id_in(key)}, value);
                                       if (!held) return std::unexpected(held.error());
                                       if (held->state != HeldMessage::State::waiting) return true;
                                       bytes += held->text.size();
                                       if (page.held.size() == limit || (bytes > limits_.page_bytes && !page.held.empty())) {
                                           page.next = page.held.back().id;
                                           return false;
                                       }
                                       page.held.push_back(std::move(*held));
                                       return true;
                                   });
        if (!read) return std::unexpected(read.error());
        return page;
    }

    // A repeated release.
    Result<Response> operator()(const Review& request) const {
        const auto bytes = store_.get(Table::held, held_key(request.held));
        if (!bytes) return std::unexpected(bytes.error());
        if (!*bytes) return fail(Code::not_found, "no such message waits for review");
        const auto held = decode_held(request.held, **bytes);
        if (!held) return std::unexpected(held.error());
        auto entry = read_entry(store_, held->conversation, held->seq);
        if (!entry) return std::unexpected(entry.error());
        return Reviewed{held->id, std::move(*entry)};
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

        HistoryPage page;
        if (request.after) {
            return forward(request, std::max(floor, behind(*request.after)), floor, limit);
        } else if (request.around) {
            // Half before, the message itself and the rest after; what one side lacks, the other may not fill: the page stays centred.
            auto before = backward(request, floor, *request.around, limit / 2);
            if (!before) return std::unexpected(before.error());
            auto after = forward(request, std::max(floor, *request.around), floor, limit - limit / 2);
            if (!after) return std::unexpected(after.error());
            page = std::move(*before);
            page.messages.insert(page.messages.end(), after->messages.begin(), after->messages.end());
            page.has_more_after = after->has_more_after;
            return page;
        }
        return backward(request, floor, request.before.value_or(kBehindAll), limit);
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
                const auto newer = std::exchange(last, MessageId{id_in(key, 8)});
                if (looked_at++ == kMentionsLookedAt) {
                    page.next = newer;
                    return false;
                }
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
                // Only now is it known that there is another page.
                if (page.messages.size() == limit || bytes > limits_.page_bytes) {
                    page.next = newer;
                    return false;
                }
                bytes += (*entry)->message.text.size();
                page.messages.push_back(std::move(*entry));
                return true;
            });
        if (!read) return std::unexpected(read.error());
        return page;
    }

    Result<Response> operator()(const ListDeadPushes& request) const {
        auto page = list_dead_pushes(store_, std::clamp(request.limit, 1u, limits_.page_items), request.after);
        if (!page) return std::unexpected(page.error());
        return std::move(*page);
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
    Result<std::pair<std::vector<EntryPtr>, bool>> messages(const History& asked, Seq from, Seq to, Order order, std::size_t limit) const {
        std::vector<EntryPtr> found;
        bool more = false;
        std::size_t bytes = 0;
        const auto walk = order == Order::ascending ? walk_messages : walk_messages_back;
        const auto read = walk(store_, asked.conversation, asked.actor.user, from, to, [&](const EntryPtr& entry) -> Result<bool> {
            bytes += entry->message.text.size();
            more = found.size() == limit || (bytes > limits_.page_bytes && !found.empty());
            if (!more) found.push_back(entry);
            return !more;
        });
        if (!read) return std::unexpected(read.error());
        return std::pair(std::move(found), more);
    }

    Result<bool> any(const History& asked, Seq from, Seq to) const {
        const auto found = messages(asked, from, to, Order::ascending, 0);
        if (!found) return std::unexpected(found.error());
        return found->second;
    }

    Result<HistoryPage> backward(const History& asked, Seq floor, Seq before, std::size_t limit) const {
        auto found = messages(asked, floor, before, Order::descending, limit);
        if (!found) return std::unexpected(found.error());
        const auto after = any(asked, std::max(floor, before), kBehindAll);
        if (!after) return std::unexpected(after.error());
        std::ranges::reverse(found->first);
        return HistoryPage{std::move(found->first), found->second, *after};
    }

    Result<HistoryPage> forward(const History& asked, Seq from, Seq floor, std::size_t limit) const {
        auto found = messages(asked, from, kBehindAll, Order::ascending, limit);
        if (!found) return std::unexpected(found.error());
        const auto before = any(asked, floor, from);
        if (!before) return std::unexpected(before.error());
        return HistoryPage{std::move(found->first), *before, found->second};
    }

    const Store& store_;
    const Limits& limits_;
    const Query& query_;
};

}  // namespace

Result<Response> answer(const Store& store, const Limits& limits, const Query& query) {
    return std::visit(Answer(store, limits, query), query.request);
}

Result<Response> answer(const Store& store, const Limits& limits, const LoadInboxPage& page) {
    auto events = read_inbox_page(store, limits, page);
    if (!events) return std::unexpected(events.error());
    const auto last = events->empty() ? page.after : events->back().cursor;
    // What the inbox had when the page was asked for is there until the account is deleted.
    if (events->empty() && last < page.to) return fail(Code::unauthenticated, "the account was deleted");
    return SyncPage{std::move(*events), last, last < page.to};
}

}  // namespace madang
