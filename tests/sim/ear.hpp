// A plugin that listens to the committed feed: what it has heard outlives every process, and it sees whether anything is missing, out of
// order, or repeated without a cause.
#pragma once

#include <map>

#include "chat/feed.hpp"

namespace madang::sim {

class Ear {
  public:
    // It hears a batch, and will answer well, or not, or too late. Throws Violation.
    void hear(const FeedBatch& batch, bool answers_well);
    // From now on entries may come again: a crash, or a batch that was not answered well in time.
    void shake() { shaken_ = true, last_was_well_ = false; }
    // A process ended in good order, with all it had fed marked.
    void on_clean_end() { shaken_ = shaken_ && !last_was_well_; }
    const std::map<ConversationId, Seq>& heard() const { return heard_; }

  private:
    std::map<ConversationId, Seq> heard_;
    std::uint64_t position_ = 0;  // of the last entry heard
    bool shaken_ = false;
    bool last_was_well_ = true;  // else it comes again, in whatever life
};

}  // namespace madang::sim
