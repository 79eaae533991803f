// The commit index: which entries each turn of an engine has added to the logs, for ever; and how far a plugin has been fed by it. Keys and
// values.
//
// A *run* is the epoch that claim_all() has given at a start, so it rises; a *stream* is one engine within that run. Rows of a stream are
// numbered 1, 2, 3 … without holes. The slots of a run's streams are disjoint, and when a run has begun nothing is added to an earlier one:
// who reads all streams of a run before those of the next reads each conversation in order, whatever `engines` was at each start.
// Thread: any. Errors: internal (a damaged row).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace madang {

struct EntryPlace {
    ConversationId conversation;
    Seq seq;

    auto operator<=>(const EntryPlace&) const = default;
};

// Of one row.
struct CommitPlace {
    std::uint64_t run = 0;
    std::uint16_t stream = 0;
    std::uint64_t row = 0;

    bool operator==(const CommitPlace&) const = default;
};

struct CommitRow {
    std::uint64_t total = 0;          // entries of this stream up to this row and with it
    std::vector<EntryPlace> entries;  // in the order in which they were made; never empty

    bool operator==(const CommitRow&) const = default;
};

// Everything before it has been given to the plugin and taken.
struct FeedMark {
    struct Stream {
        std::uint64_t row = 0;    // the last one that was given whole
        std::uint32_t taken = 0;  // entries of the row after it
        std::uint64_t total = 0;  // entries of the stream

        bool operator==(const Stream&) const = default;
    };
    std::uint64_t position = 0;               // entries given so far, of all runs
    std::uint64_t run = 0;                    // all earlier ones were given whole
    std::map<std::uint16_t, Stream> streams;  // of that run

    bool operator==(const FeedMark&) const = default;
};

std::string commit_key(const CommitPlace& place);
// None: no key of the commit index.
Result<CommitPlace> commit_place_in(std::string_view key);
// `plugin` must not hold a zero byte; it names a plugin in the next two.
std::string feed_mark_key(std::string_view plugin);
std::string plugin_store_key(std::string_view plugin, std::string_view key);
// Behind every key of the plugin that begins with `prefix`.
std::string plugin_store_end(std::string_view plugin, std::string_view prefix);
std::string_view key_in_plugin_store(std::string_view plugin, std::string_view stored_key);

void encode(const CommitRow& row, std::string& out);
Result<CommitRow> decode_commit_row(std::string_view bytes);
void encode(const FeedMark& mark, std::string& out);
Result<FeedMark> decode_feed_mark(std::string_view bytes);

}  // namespace madang
