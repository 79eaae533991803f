// Accounts that were deleted, or may be by now: what that explains.
#include <algorithm>

#include "check.hpp"
#include "model.hpp"
#include "model/deleted_user.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang::sim {
namespace {

// Everybody whom a request names, its asker included.
std::vector<UserId> people_of(const Request& request) {
    return std::visit(
        [](const auto& r) {
            std::vector<UserId> people;
            if constexpr (requires { r.actor; }) people.push_back(r.actor.user);
            if constexpr (requires { r.user; }) people.push_back(r.user);
            if constexpr (requires { r.peer; }) people.push_back(r.peer);
            if constexpr (requires { r.members; }) people.insert(people.end(), r.members.begin(), r.members.end());
            return people;
        },
        request);
}

ConversationId conversation_of(const Request& request) {
    return std::visit(
        [](const auto& r) -> ConversationId {
            if constexpr (requires { r.conversation; }) return r.conversation;
            return {};
        },
        request);
}

}  // namespace

bool Model::is_deleted(UserId user) const {
    const auto row = disk_.get(Table::account, account_key(user)).value_or(std::nullopt);
    const auto account = row ? decode_account(user, *row) : Result<Account>{};
    return row && account && madang::is_deleted(account->profile);
}

bool Model::is_refused_by_deletion(const Request& request, Code code) const {
    if (deletions_asked_.empty()) return false;
    if (code != Code::unauthenticated && code != Code::not_found && code != Code::not_a_member && code != Code::blocked) return false;
    const auto may_be = [&](UserId user) { return may_be_deleted(user); };
    if (const auto* find = std::get_if<FindAccount>(&request)) {
        const auto found = std::ranges::find_if(accounts_, [&](const auto& each) {
            return std::ranges::equal(each.first, find->username, [](char a, char b) { return std::tolower(a) == std::tolower(b); });
        });
        return found != accounts_.end() && may_be(found->second);
    }
    if (std::ranges::any_of(people_of(request), may_be)) return true;
    // What cannot be written to the other one of a direct conversation any more.
    const auto id = conversation_of(request);
    if (code != Code::blocked || !id) return false;
    return std::ranges::any_of(deletions_asked_, [&](UserId user) {
        const auto row = disk_.get(Table::member, member_key(id, user));
        return row && *row;
    });
}

bool Model::is_same_entry(const Entry& a, const Entry& b) const {
    if (a == b) return true;
    if (deletions_asked_.empty()) return false;
    const auto settle = [&](Profile& profile) {
        if (may_be_deleted(profile.id)) profile = deleted_profile(profile.id, {});
    };
    const auto settled = [&](Entry entry) {
        if (entry.change) {
            auto change = *entry.change;
            settle(change.member.user);
            std::ranges::for_each(change.pair, settle);
            entry.change = std::make_shared<const Change>(std::move(change));
        }
        if (entry.note) {
            auto note = *entry.note;
            settle(note.user);
            entry.note = std::make_shared<const Note>(std::move(note));
        }
        return entry;
    };
    return settled(a) == settled(b);
}

}  // namespace madang::sim
