// How far everybody has come, by their own inboxes and devices, against what their conversations say at rest.
#include "audit.hpp"
#include "check.hpp"
#include "store/keys.hpp"

namespace madang::sim {

void Audit::check_receipts() {
    const auto read = scan_all(disk_, Table::receipt, [&](std::string_view key, std::string_view value) {
        const ConversationId conversation{id_in(key)};
        const UserId user{id_in(key, 8)};
        const auto receipt = decode_receipt(value);
        expect(receipt.has_value(), "a receipt that is no record");
        expect(log(conversation).members.contains(user), "a receipt of one who never was a member of " + to_string(conversation));
        receipts_[{conversation, user}] = *receipt;
        return true;
    });
    expect(read.has_value(), "the receipts can't be read");
    std::map<UserId, Cursor> acked;
    (void)scan_all(disk_, Table::device, [&](std::string_view key, std::string_view value) {
        const auto device = decode_device(DeviceId{id_in(key, 8)}, value);
        auto& most = acked[UserId{id_in(key)}];
        if (device) most = std::max(most, device->acked);
        return true;
    });
    for (const auto& [id, source] : logs_) {
        for (const auto& [user, member] : source.members) {
            if (model_.is_deleted(user)) continue;  // with the account its inbox and markers are gone
            const auto own = own_.find({user, id});
            const auto marker = own == own_.end() ? Seq{} : own->second.read_seq;
            const auto found = receipts_.find({id, user});
            const auto receipt = found == receipts_.end() ? Receipt{} : found->second;
            const auto what = " by user " + to_string(user) + " in " + to_string(id);
            const auto said = [](Seq seq, Seq right) { return to_string(seq) + ", and not " + to_string(right); };
            expect(receipt.read == marker, "read" + what + " is said to be " + said(receipt.read, marker));
            const auto least = std::max(marker, newest_item(disk_, user, id, acked[user]));
            const auto most = std::max(marker, newest_item(disk_, user, id, model_.ack_asked(user)));
            expect(receipt.delivered >= least, "received" + what + " is said to be " + said(receipt.delivered, least));
            expect(receipt.delivered <= most, "received" + what + " is said to be " + said(receipt.delivered, most));
        }
    }
}

Profile Audit::account_of(UserId user) const {
    const auto bytes = disk_.get(Table::account, account_key(user)).value_or(std::nullopt);
    expect(bytes.has_value(), "a member without an account: " + to_string(user));
    return decode_account(user, *bytes).value().profile;
}

// The list of a conversation's members as the viewer must see it.
std::vector<MemberView> Audit::members_of(const Log& source, UserId viewer) const {
    std::vector<MemberView> members;
    for (const auto& [user, member] : source.members) {
        if (!member.present()) continue;
        MemberView view{member, {}};
        view.member.user = account_of(user);
        const auto bytes = disk_.get(Table::relation, relation_key(viewer, user)).value_or(std::nullopt);
        const auto relation = bytes ? decode_relation(user, *bytes) : Result<Relation>{};
        const auto receipt = receipts_.find({source.row.id, user});
        if (receipt != receipts_.end() && !(relation && relation->is_blocked())) view.receipt = receipt->second;
        members.push_back(std::move(view));
    }
    return members;
}

}  // namespace madang::sim
