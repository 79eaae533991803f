#include "chat/held_queue.hpp"

namespace madang {

std::vector<HeldId> HeldQueue::waiting_of(UserId sender) const {
    std::vector<HeldId> ids;
    if (!by_sender_.contains(sender)) return ids;
    for (const auto& [id, waiting] : waiting_)
        if (waiting.sender == sender) ids.push_back(id);
    return ids;
}

Result<> HeldQueue::may_hold(UserId sender, std::size_t text_bytes) const {
    if (waiting_.size() >= messages_max_ || bytes_ + text_bytes > kHeldBytesMax)
        return fail(Code::denied_by_policy, "this message needs a review, and too many wait for one already");
    const auto of_sender = by_sender_.find(sender);
    if (of_sender != by_sender_.end() && of_sender->second >= kHeldPerSender)
        return fail(Code::denied_by_policy, "this message needs a review, and too many of yours wait for one already");
    return {};
}

void HeldQueue::add(const HeldMessage& held) {
    if (held.state != HeldMessage::State::waiting) return void(decided_.push_back(held.id));
    waiting_.emplace(held.id, Waiting{held.sender, held.text.size()});
    bytes_ += held.text.size();
    ++by_sender_[held.sender];
}

std::optional<HeldId> HeldQueue::decide(HeldId id) {
    if (const auto waiting = waiting_.extract(id)) {
        bytes_ -= waiting.mapped().bytes;
        const auto of_sender = by_sender_.find(waiting.mapped().sender);
        if (--of_sender->second == 0) by_sender_.erase(of_sender);
    }
    decided_.push_back(id);
    if (decided_.size() <= kDecisionsKept) return std::nullopt;
    const auto oldest = decided_.front();
    decided_.pop_front();
    return oldest;
}

}  // namespace madang
