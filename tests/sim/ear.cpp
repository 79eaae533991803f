#include "ear.hpp"

#include "check.hpp"

namespace madang::sim {

void Ear::hear(const FeedBatch& batch, bool answers_well) {
    last_was_well_ = answers_well;
    expect(!batch.entries.empty() && batch.entries.size() <= kFeedEntries, "a batch of the feed has no entries, or too many");
    const auto first = batch.entries.front().position;
    expect(first == position_ + 1 || (shaken_ && first >= 1 && first <= position_), "the feed's position leaps");
    position_ = first - 1;
    for (const auto& each : batch.entries) {
        const auto place = "(" + to_string(each.entry->conversation_id) + ", " + to_string(each.entry->seq) + ")";
        expect(each.position == ++position_, "positions of a batch have a hole at " + place);
        auto& last = heard_[each.entry->conversation_id];
        expect(each.entry->seq <= next(last), "the feed misses something before " + place);
        expect(each.entry->seq == next(last) || shaken_, "the feed repeats " + place + " without a cause");
        last = std::max(last, each.entry->seq);
        const auto* message = each.entry->shown_message();
        expect(!each.entry->is_revision() || message != nullptr, "a revision is fed without its message at " + place);
        expect(message == nullptr || !message->message.deleted || message->message.text.empty(), "a deleted text is fed at " + place);
        expect(each.actor.id == each.entry->actor && !each.actor.username.empty(), "an entry is fed without its actor at " + place);
    }
}

}  // namespace madang::sim
