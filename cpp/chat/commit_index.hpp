// The two ends of the commit index (store/feed_records.hpp): an engine's, which adds a row a turn, and a reader's, which goes on from a
// mark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "store/batch.hpp"
#include "store/feed_records.hpp"
#include "store/store.hpp"

namespace madang {

// Owner and thread: one engine.
class CommitIndex {
  public:
    CommitIndex(std::uint64_t run, std::uint16_t stream) : run_(run), stream_(stream) {}

    // This turn has an entry more.
    void add(ConversationId conversation, Seq seq) { row_.entries.push_back({conversation, seq}); }
    // The row of the turn joins its append, which must hold the entries, too, and be repeated until it is durable: so the numbers have no
    // holes. How many entries it names.
    std::uint32_t end_turn(Batch& batch);

  private:
    std::uint64_t run_;
    std::uint16_t stream_;
    std::uint64_t rows_ = 0;
    CommitRow row_;
    std::string value_;
};

// An entry with its place in the index.
struct Indexed {
    EntryPlace entry;
    CommitPlace place;
    std::uint32_t nth = 0, of = 0;  // in its row, from 0
};

// The next entries behind the mark, at most `limit`; none = there is none now. `live_run`: the one whose engines may still add rows.
// Errors: internal, also for a hole.
Result<std::vector<Indexed>> read_commit_index(const Store& store, const FeedMark& from, std::uint64_t live_run, std::size_t limit);
// Past this one, which must be among the next ones of its stream.
void pass(FeedMark& mark, const Indexed& entry);
// How many entries of runs before `live_run` lie behind the mark.
Result<std::uint64_t> count_behind(const Store& store, const FeedMark& mark, std::uint64_t live_run);

}  // namespace madang
