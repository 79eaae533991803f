// What may be told of how far members have come.
#include "check.hpp"
#include "model.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang::sim {
namespace {

// Between a row on disk and the effects of the turn before it.
constexpr Micros kOneLanding = 5ms;

std::string of(ConversationId conversation, UserId user) { return " of user " + to_string(user) + " in " + to_string(conversation); }

}  // namespace

Seq newest_item(const Store& store, UserId user, ConversationId conversation, Cursor upto) {
    Seq newest;
    (void)store.scan(Table::inbox, inbox_key(user, Cursor{}), inbox_key(user, next(upto)), Order::descending, [&](auto, auto value) {
        const auto item = decode_inbox_item(value);
        if (item && !item->note && item->conversation_id == conversation) newest = item->seq;
        return !newest;
    });
    return newest;
}

Cursor Model::ack_asked(UserId user) const {
    const auto found = acks_asked_.find(user);
    return found == acks_asked_.end() ? Cursor{} : found->second;
}

void Model::on_ack_asked(UserId user, Cursor cursor) {
    if (cursor.value < kAhead) acks_asked_[user] = std::max(acks_asked_[user], cursor);
}

// No more than the member's devices have said, and nothing that a crash could take back.
void Model::check_receipt(ConversationId conversation, UserId user, const Receipt& told) const {
    const auto bytes = disk_.get(Table::receipt, receipt_key(conversation, user)).value_or(std::nullopt);
    const auto row = bytes ? decode_receipt(*bytes) : Result<Receipt>{};
    expect(row && row->covers(told), "a receipt is told before it is durable" + of(conversation, user));
    const auto read = reads_asked_.find({user, conversation});
    expect(told.read <= (read == reads_asked_.end() ? Seq{} : read->second),
           "a read is told that was not asked for" + of(conversation, user));
    if (told.delivered <= told.read || may_be_deleted(user)) return;  // with a deleted account its inbox is gone
    expect(told.delivered <= newest_item(disk_, user, conversation, ack_asked(user)),
           "more is told to be delivered than was acked" + of(conversation, user));
}

void Model::on_receipt(UserId watcher, const ReceiptSignal& signal, SessionId session) {
    const auto& [conversation, user, kind, seq] = signal;
    expect(watcher != user, "one is told of one's own receipts");
    const auto is_member = disk_.get(Table::member, member_key(conversation, watcher)).value_or(std::nullopt).has_value();
    expect(user != stranger_ && watcher != stranger_ && is_member,
           "a receipt is told to one who never was a member" + of(conversation, user));
    const Receipt told{.delivered = seq, .read = kind == ReceiptKind::read ? seq : Seq{}};
    check_receipt(conversation, user, told);
    auto& last = told_to_[{session, conversation, user, kind}];
    expect(seq > last, "a receipt goes back or is told twice" + of(conversation, user));
    last = seq;
    told_[{conversation, user}].merge(told);

    const auto bytes = disk_.get(Table::relation, relation_key(watcher, user)).value_or(std::nullopt);
    const auto relation = bytes ? decode_relation(user, *bytes) : Result<Relation>{};
    if (!relation || !relation->is_blocked()) return void(blocked_.erase({watcher, user}));
    const auto [known, is_new] = blocked_.try_emplace({watcher, user}, relation->version, context_.schedule.now());
    if (!is_new && known->second.first != relation->version) known->second = {relation->version, context_.schedule.now()};
    expect(context_.schedule.now() - known->second.second < kOneLanding,
           "a receipt is told to user " + to_string(watcher) + ", who blocks or is blocked by user " + to_string(user));
}

void Model::on_members(const Asked& asked, const ListMembers& request, const MemberPage& page) {
    for (const auto& [member, receipt] : page.members) {
        const auto user = member.user.id;
        check_receipt(request.conversation, user, receipt);
        const auto before = asked.receipts.find(user);
        const bool may_be_hidden = relations_.block_asked_between(request.actor.user, user);
        expect(before == asked.receipts.end() || receipt.covers(before->second) || (may_be_hidden && receipt == Receipt{}),
               "the list of members says less than what was told" + of(request.conversation, user));
        told_[{request.conversation, user}].merge(receipt);
    }
}

std::map<UserId, Receipt> Model::told_of(ConversationId conversation) const {
    std::map<UserId, Receipt> told;
    for (auto at = told_.lower_bound({conversation, UserId{}}); at != told_.end() && at->first.first == conversation; ++at)
        told.emplace(at->first.second, at->second);
    return told;
}

}  // namespace madang::sim
