// What may be told of who is here.
#include "check.hpp"
#include "model.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang::sim {
namespace {

// What the server knows already when it tells something: queues, loads and commits take their time.
constexpr Micros kSettled = 2s;

}  // namespace

void Model::on_heard(UserId user, bool attaches) {
    const auto now = context_.schedule.now();
    const auto found = here_.find(user);
    if (found == here_.end()) {
        if (attaches) here_[user] = {now, now};
        return;
    }
    if (attaches && now - found->second.heard >= context_.plan.limits.offline_after) found->second.since = now;
    found->second.heard = now;
}

bool Model::may_see(UserId a, UserId b) const {
    const auto row = disk_.get(Table::pair, pair_key(a, b)).value_or(std::nullopt);
    const auto pair = row ? decode_pair(*row) : Result<Pair>{};
    if (pair && pair->is_closed()) return false;
    return (pair && pair->stage == Pair::Stage::friends) || share(a, b);
}

bool Model::are_friends(UserId a, UserId b) const {
    const auto row = disk_.get(Table::pair, pair_key(a, b)).value_or(std::nullopt);
    const auto pair = row ? decode_pair(*row) : Result<Pair>{};
    return pair && !pair->is_closed() && pair->stage == Pair::Stage::friends;
}

bool Model::share(UserId a, UserId b) const {
    std::map<ConversationId, unsigned> members;
    bool both = false;
    (void)scan_all(disk_, Table::member, [&](std::string_view key, std::string_view value) {
        const UserId user{id_in(key.substr(8))};
        const auto member = decode_member(user, value);
        if ((user == a || user == b) && member && member->present()) both |= ++members[ConversationId{id_in(key)}] == 2;
        return !both;
    });
    return both;
}

bool Model::may_be_signed_out(UserId user) const {
    if (disabling_asked_.contains(user) || may_be_deleted(user) || context_.plan.limits.devices_per_user != Limits{}.devices_per_user)
        return true;
    const auto first = sign_outs_asked_.lower_bound({user, DeviceId{}});
    return first != sign_outs_asked_.end() && first->first == user;
}

void Model::check_presence(UserId watcher, const PresenceSignal& told) const {
    const bool knows_more = told.online || told.last_active_at != Time{};
    if (!knows_more || watcher == told.user) return;
    expect(watcher != stranger_ && told.user != stranger_, "presence is told across the stranger's border");
    if (told.online) return;
    const auto here = here_.find(told.user);
    if (here == here_.end() || may_be_signed_out(told.user)) return;
    const auto now = context_.schedule.now();
    const bool is_here = now - here->second.since > kSettled && now - here->second.heard < context_.plan.limits.offline_after - 10ms;
    expect(!is_here, "user " + to_string(told.user) + " is told to be offline, and was heard a moment ago");
}

void Model::on_signal(UserId user, const Signal& signal, SessionId session) {
    context_.trace.note("signal", user.value, signal.index());
    if (const auto* presence = std::get_if<PresenceSignal>(&signal)) return check_presence(user, *presence);
    expect(user != stranger_, "the stranger is told something");
    if (const auto* receipt = std::get_if<ReceiptSignal>(&signal)) return on_receipt(user, *receipt, session);
    if (const auto* typing = std::get_if<TypingSignal>(&signal)) expect(typing->user != user, "one is told of one's own typing");
}

}  // namespace madang::sim
