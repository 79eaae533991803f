#include "chat/receipt_queries.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "chat/stored.hpp"

namespace madang {
namespace {

constexpr std::size_t kUntoldLookedAt = 100;  // conversations of a user who is loaded: what a crash forgets is a second of acks

Result<Receipt> read_receipt(const Store& store, ConversationId conversation, UserId user) {
    const auto bytes = store.get(Table::receipt, receipt_key(conversation, user));
    if (!bytes) return std::unexpected(bytes.error());
    return *bytes ? decode_receipt(**bytes) : Receipt{};
}

Result<std::vector<MemberReceipt>> read_receipts(const Store& store, ConversationId conversation, UserId from, std::string_view end) {
    std::vector<MemberReceipt> receipts;
    const auto read =
        each_row(store, Table::receipt, receipt_key(conversation, from), end, Order::ascending, [&](auto key, auto value) -> Result<bool> {
            const auto receipt = decode_receipt(value);
            if (!receipt) return std::unexpected(receipt.error());
            receipts.push_back({UserId{id_in(key, 8)}, *receipt});
            return true;
        });
    if (!read) return std::unexpected(read.error());
    return receipts;
}

// As the viewer's own copy says it.
Result<bool> is_blocked(const Store& store, UserId viewer, UserId other) {
    const auto bytes = store.get(Table::relation, relation_key(viewer, other));
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return false;
    const auto relation = decode_relation(other, **bytes);
    if (!relation) return std::unexpected(relation.error());
    return relation->is_blocked() && !mutant(Mutant::receipts_to_blocked);
}

}  // namespace

Result<std::vector<MemberReceipt>> read_receipts(const Store& store, ConversationId conversation) {
    return read_receipts(store, conversation, UserId{}, end_of(conversation.value));
}

Result<> fill_in_receipts(const Store& store, ConversationId conversation, UserId viewer, std::span<MemberView> members) {
    if (members.empty()) return {};
    const auto receipts =
        read_receipts(store, conversation, members.front().member.user.id, receipt_key(conversation, next(members.back().member.user.id)));
    if (!receipts) return std::unexpected(receipts.error());
    auto at = receipts->begin();
    for (auto& [member, receipt] : members) {
        const auto user = member.user.id;
        while (at != receipts->end() && at->user < user) ++at;
        if (at == receipts->end() || at->user != user) continue;
        const auto hidden = is_blocked(store, viewer, user);
        if (!hidden) return std::unexpected(hidden.error());
        if (!*hidden) receipt = at->receipt;
    }
    return {};
}

Result<std::vector<std::pair<ConversationId, Seq>>> read_delivered(const Store& store, const LoadDelivered& range) {
    std::map<ConversationId, Seq> newest;
    const auto read = each_row(store, Table::inbox, inbox_key(range.user, next(range.after)), inbox_key(range.user, next(range.to)),
                               Order::ascending, [&](auto, auto value) -> Result<bool> {
                                   const auto item = decode_inbox_item(value);
                                   if (!item) return std::unexpected(item.error());
                                   if (!item->note) newest[item->conversation_id] = item->seq;
                                   return true;
                               });
    if (!read) return std::unexpected(read.error());
    return std::vector<std::pair<ConversationId, Seq>>(newest.begin(), newest.end());
}

Result<std::vector<std::pair<ConversationId, Receipt>>> read_untold(const Store& store, UserId user,
                                                                    std::span<const UserConversation> conversations, Cursor acked,
                                                                    const std::map<ConversationId, Seq>& newest) {
    std::vector<std::pair<ConversationId, Receipt>> untold;
    if (mutant(Mutant::receipts_unhealed)) return untold;
    std::vector<const UserConversation*> latest;
    for (const auto& row : conversations) latest.push_back(&row);
    const auto count = std::min(latest.size(), kUntoldLookedAt);
    std::ranges::partial_sort(latest, latest.begin() + static_cast<std::ptrdiff_t>(count), std::greater{}, &UserConversation::last_cursor);
    for (const auto* row : std::span(latest).first(count)) {
        Receipt own{.delivered = {}, .read = row->read_seq};
        if (row->last_cursor <= acked)
            own.delivered = row->last_seq;
        else if (const auto found = newest.find(row->conversation_id); found != newest.end())
            own.delivered = found->second;
        own.delivered = std::max(own.delivered, own.read);
        if (own == Receipt{}) continue;
        const auto told = read_receipt(store, row->conversation_id, user);
        if (!told) return std::unexpected(told.error());
        if (!told->covers(own)) untold.emplace_back(row->conversation_id, own);
    }
    return untold;
}

}  // namespace madang
