#include "chat/departures.hpp"

#include <algorithm>
#include <iterator>

namespace madang {
namespace {

constexpr Millis kLeaveRepeatFirst{500};
constexpr unsigned kLeaveRepeatDoublings = 4;  // at most every 8 s

}  // namespace

bool Departures::is_known(UserId user) const {
    return under_way_.contains(user) || std::ranges::find(waiting_, user) != waiting_.end() ||
           std::ranges::find(later_, user) != later_.end();
}

void Departures::add(UserId user) {
    if (!is_known(user)) waiting_.push_back(user);
}

void Departures::add(UserId user, const Place& place) {
    added_[user].insert(place);
    const auto found = under_way_.find(user);
    if (found == under_way_.end() || !found->second.is_begun) return add(user);
    auto& going = found->second;
    going.open.insert(place);
    going.is_erasing = false;  // when it has left this one, too
}

std::optional<UserId> Departures::next() {
    if (waiting_.empty() || under_way_.size() >= kTogether) return std::nullopt;
    const auto user = waiting_.front();
    waiting_.pop_front();
    under_way_[user];
    return user;
}

void Departures::begin(const Profile& who, const std::vector<Place>& places) {
    auto& going = under_way_[who.id];
    going.who = who;
    going.is_begun = true;
    going.open.insert(places.begin(), places.end());
    if (const auto more = added_.find(who.id); more != added_.end()) going.open.insert(more->second.begin(), more->second.end());
}

void Departures::put_off(UserId user) {
    under_way_.erase(user);
    if (!is_known(user)) later_.push_back(user);
}

void Departures::wake() {
    waiting_.insert(waiting_.end(), later_.begin(), later_.end());
    later_.clear();
}

std::vector<LeavePlace> Departures::due(Tick now) {
    std::vector<LeavePlace> asks;
    for (auto& [user, going] : under_way_) {
        for (auto& [place, asked] : going.asked) {
            if (asked.repeat_at > now) continue;
            asked.repeats = std::min(asked.repeats + 1, kLeaveRepeatDoublings);
            asked.repeat_at = now + kLeaveRepeatFirst * (1 << asked.repeats);
            asks.push_back({going.who, place, asked.number});
        }
        for (auto at = going.open.begin(); at != going.open.end() && going.asked.size() < kAskedAtOnce;) {
            const auto [asked, is_new] = going.asked.try_emplace(*at, Asked{++last_number_, now + kLeaveRepeatFirst});
            if (is_new) asks.push_back({going.who, *at, asked->second.number});
            at = is_new ? going.open.erase(at) : std::next(at);  // asked for already: once more when that is answered
        }
    }
    return asks;
}

void Departures::on_left(const LeftPlace& left) {
    const auto found = under_way_.find(left.user);
    if (found == under_way_.end()) return;
    const auto asked = found->second.asked.find(left.place);
    if (asked != found->second.asked.end() && asked->second.number == left.number) found->second.asked.erase(asked);
}

std::vector<UserId> Departures::to_erase() {
    std::vector<UserId> users;
    for (auto& [user, going] : under_way_)
        if (going.is_begun && !going.is_erasing && going.open.empty() && going.asked.empty()) {
            going.is_erasing = true;
            users.push_back(user);
        }
    return users;
}

bool Departures::is_erasing(UserId user) const {
    const auto found = under_way_.find(user);
    return found != under_way_.end() && found->second.is_erasing;
}

void Departures::end(UserId user) {
    under_way_.erase(user);
    added_.erase(user);
}

std::vector<Place> Departures::added(UserId user) const {
    const auto found = added_.find(user);
    return found == added_.end() ? std::vector<Place>{} : std::vector<Place>(found->second.begin(), found->second.end());
}

}  // namespace madang
