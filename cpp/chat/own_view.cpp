// The conversation list, and a conversation as its user sees it. What is the user's own (marker, unread, pin, mute, archive) comes from the
// user's engine, the rest from the store, read behind this turn's append: so everything that was promised before is seen.
//
// Order of the list: pinned ones first, then by newest activity: an entry that is no edit or deletion. Reading moves nothing. An archived
// conversation stays archived whatever comes, until its user takes it out; it is in the list, marked, and not in `unread_total`.
#include <algorithm>

#include "chat/engine_state.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

constexpr std::uint64_t kPinnedBit = std::uint64_t{1} << 63;  // no cursor ever comes that far

const Preference& preference_of(const UserState& user, ConversationId conversation) {
    static const Preference kNone;
    const auto found = user.preferences.find(conversation);
    return found == user.preferences.end() ? kNone : found->second;
}

// Place in the list: the greatest is the first.
std::uint64_t rank_of(const UserState& user, const UserConversation& row) {
    return row.active_cursor.value | (preference_of(user, row.conversation_id).pinned ? kPinnedBit : 0);
}

}  // namespace

OwnView own_view(const UserState& user, ConversationId conversation, Time now) {
    const auto& preference = preference_of(user, conversation);
    OwnView view{.read_seq = {},
                 .pinned = preference.pinned,
                 .archived = preference.archived,
                 .muted_until = preference.muted_until > now ? preference.muted_until : Time{}};
    if (const auto* row = user.inbox.find(conversation)) {
        view.read_seq = row->read_seq;
        view.unread = row->unread;
        view.unread_mentions = row->unread_mentions;
    }
    return view;
}

std::uint64_t Engine::State::unread_total(const UserState& user) {
    std::uint64_t total = 0;
    for (const auto& row : user.inbox.conversations())
        if (row.listed && !row.left && !preference_of(user, row.conversation_id).archived) total += row.unread;
    return total;
}

void Engine::State::on(const ReplyTo& from, ListConversations&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        Query query{.to = from, .request = request, .unread_total = unread_total(user)};
        std::vector<std::pair<std::uint64_t, ConversationId>> places;
        for (const auto& row : user.inbox.conversations()) {
            if (!row.listed || row.left) continue;
            const auto rank = rank_of(user, row);
            if (!request.before || rank < *request.before) places.emplace_back(rank, row.conversation_id);
        }
        const std::size_t limit = std::clamp(request.limit, 1u, options_.limits.page_items);
        const auto page = std::min(limit, places.size());
        std::ranges::partial_sort(places, places.begin() + static_cast<std::ptrdiff_t>(page), std::greater{});
        for (std::size_t i = 0; i < page; ++i) {
            query.conversations.push_back(places[i].second);
            query.places.push_back(places[i].first);
            query.own.push_back(own_view(user, places[i].second, clock_.now()));
        }
        if (places.size() > page) query.next = places[page - 1].first;
        effects_.push_back(Read{std::move(query)});
    });
}

void Engine::State::on(const ReplyTo& from, GetConversation&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        Query query{.to = from, .request = request};
        query.own.push_back(own_view(user, request.conversation, clock_.now()));
        effects_.push_back(Read{std::move(query)});
    });
}

void Engine::State::on(const ReplyTo& from, UpdateView&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        const auto id = request.conversation;
        // The member's row decides, not the inbox: what has just been joined may still be on its way there.
        const auto stored = store_.get(Table::member, member_key(id, user.id));
        if (!stored) return refuse(from, stored.error());
        if (!*stored) return refuse(from, {Code::not_found, "no such conversation", {}});
        const auto member = decode_member(user.id, **stored);
        if (!member) return refuse(from, member.error());
        if (!member->present()) return refuse(from, {Code::not_a_member, "you are no longer a member of this conversation", {}});
        // The end of this stay is in the inbox already, though not on disk yet.
        if (const auto* row = user.inbox.find(id); row && row->left && row->last_seq > member->joined_seq())
            return refuse(from, {Code::not_a_member, "you are no longer a member of this conversation", {}});
        // Of an earlier stay, whose end is still on its way to the inbox: it is over.
        const bool is_over = preference_of(user, id).stay < member->stays.back().joined && member->stays.size() > 1;
        const auto now = is_over ? Preference{} : preference_of(user, id);
        const Preference wanted{.pinned = request.pinned.value_or(now.pinned),
                                .archived = request.archived.value_or(now.archived),
                                .muted_until = request.muted_until.value_or(now.muted_until),
                                .stay = member->joined_seq()};
        if (is_over || wanted.pinned != now.pinned || wanted.archived != now.archived || wanted.muted_until != now.muted_until) {
            if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
            if (wanted.is_none()) {
                forget_preference(user, id);
            } else {
                user.preferences[id] = wanted;
                put(Table::preference, preference_key(user.id, id), wanted, madang::slot_of(user.id));
            }
            touch(user);
        }
        Query query{.to = from, .request = request};
        query.own.push_back(own_view(user, id, clock_.now()));
        effects_.push_back(Read{std::move(query)});
    });
}

void Engine::State::forget_preference(UserState& user, ConversationId conversation) {
    if (user.preferences.erase(conversation) != 0)
        erase(Table::preference, preference_key(user.id, conversation), madang::slot_of(user.id));
}

}  // namespace madang
