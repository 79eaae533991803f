#include "chat/admission.hpp"

#include <algorithm>
#include <utility>

namespace madang {
namespace {

UserId key_of(const Ban& ban) { return ban.user.id; }
const InviteSecret& key_of(const Invite& invite) { return invite.secret; }

template <typename Rows, typename Key>
auto place_of(Rows& rows, const Key& key) {
    return std::ranges::lower_bound(rows, key, {}, [](const auto& row) { return key_of(row); });
}

template <typename Row, typename Key>
const Row* find(const std::vector<Row>& rows, const Key& key) {
    const auto at = place_of(rows, key);
    return at == rows.end() || key_of(*at) != key ? nullptr : &*at;
}

template <typename Row, typename Key>
void remove(std::vector<Row>& rows, const Key& key) {
    const auto at = place_of(rows, key);
    if (at != rows.end() && key_of(*at) == key) rows.erase(at);
}

}  // namespace

Admission::Admission(std::vector<Ban> bans, std::vector<Invite> invites) : bans_(std::move(bans)), invites_(std::move(invites)) {
    std::ranges::sort(bans_, {}, [](const Ban& ban) { return key_of(ban); });
    std::ranges::sort(invites_, {}, [](const Invite& invite) { return key_of(invite); });
}

const Ban* Admission::find_ban(UserId user) const { return find(bans_, user); }
void Admission::add(Ban ban) { bans_.insert(place_of(bans_, ban.user.id), std::move(ban)); }
void Admission::remove_ban(UserId user) { remove(bans_, user); }

const Invite* Admission::find_invite(const InviteSecret& secret) const { return find(invites_, secret); }
void Admission::add(Invite invite) { invites_.insert(place_of(invites_, invite.secret), invite); }
void Admission::remove_invite(const InviteSecret& secret) { remove(invites_, secret); }

const Invite& Admission::count_use(const InviteSecret& secret) {
    auto& invite = *place_of(invites_, secret);
    ++invite.uses;
    return invite;
}

}  // namespace madang
