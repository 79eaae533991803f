#include "chat/commit_index.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/mutant.hpp"
#include "chat/stored.hpp"

namespace madang {
namespace {

constexpr auto kLastRow = std::numeric_limits<std::uint64_t>::max();

std::string begin_of(std::uint64_t run, std::uint16_t stream = 0) { return commit_key({run, stream, 0}); }

// The first row in [from, to), or the last one.
Result<std::optional<std::pair<CommitPlace, CommitRow>>> find_row(const Store& store, const std::string& from, const std::string& to,
                                                                  Order order) {
    std::optional<std::pair<CommitPlace, CommitRow>> found;
    const auto read = each_row(store, Table::commit_index, from, to, order, [&](auto key, auto value) -> Result<bool> {
        const auto place = commit_place_in(key);
        if (!place) return std::unexpected(place.error());
        auto row = decode_commit_row(value);
        if (!row) return std::unexpected(row.error());
        found.emplace(*place, std::move(*row));
        return false;
    });
    if (!read) return std::unexpected(read.error());
    return found;
}

Result<std::vector<std::uint16_t>> streams_of(const Store& store, std::uint64_t run) {
    std::vector<std::uint16_t> streams;
    for (std::uint32_t next = 0; next <= UINT16_MAX; next = streams.back() + 1u) {
        const auto row = find_row(store, begin_of(run, static_cast<std::uint16_t>(next)), begin_of(run + 1), Order::ascending);
        if (!row) return std::unexpected(row.error());
        if (!*row) break;
        streams.push_back((*row)->first.stream);
    }
    return streams;
}

Result<> read_stream(const Store& store, std::uint64_t run, std::uint16_t stream, FeedMark::Stream mark, std::size_t limit,
                     std::vector<Indexed>& out) {
    const auto from = commit_key({run, stream, mark.row + 1}), to = commit_key({run, stream, kLastRow});
    return each_row(store, Table::commit_index, from, to, Order::ascending, [&](auto key, auto value) -> Result<bool> {
        const auto place = commit_place_in(key);
        if (!place) return std::unexpected(place.error());
        const auto row = decode_commit_row(value);
        if (!row) return std::unexpected(row.error());
        if (place->row != mark.row + 1 || row->entries.size() <= mark.taken)
            return fail(Code::internal, "a hole in the commit index before run " + std::to_string(run) + ", stream " +
                                            std::to_string(stream) + ", row " + std::to_string(place->row));
        const auto count = static_cast<std::uint32_t>(row->entries.size());
        for (auto i = mark.taken; i < count && out.size() < limit; ++i) out.push_back({row->entries[i], *place, i, count});
        mark = {.row = place->row};
        return out.size() < limit;
    });
}

}  // namespace

std::uint32_t CommitIndex::end_turn(Batch& batch) {
    if (row_.entries.empty()) return 0;
    const auto count = static_cast<std::uint32_t>(row_.entries.size());
    if (mutant(Mutant::index_forgets) && count > 1) row_.entries.pop_back();
    row_.total += count;
    value_.clear();
    encode(row_, value_);
    batch.put(Table::commit_index, commit_key({mutant(Mutant::index_one_run) ? 1 : run_, stream_, ++rows_}), value_);
    row_.entries.clear();
    return count;
}

Result<std::vector<Indexed>> read_commit_index(const Store& store, const FeedMark& from, std::uint64_t live_run, std::size_t limit) {
    std::vector<Indexed> out;
    for (auto run = from.run;;) {
        auto streams = streams_of(store, run);
        if (!streams) return std::unexpected(streams.error());
        if (mutant(Mutant::feed_leaves_run_early) && run < live_run && streams->size() > 1) streams->pop_back();
        // Another one first each time, so that a busy one keeps no other back.
        if (!streams->empty())
            std::ranges::rotate(*streams, streams->begin() + static_cast<std::ptrdiff_t>(from.position % streams->size()));
        for (const auto stream : *streams) {
            const auto mark = run == from.run ? from.streams.find(stream) : from.streams.end();
            const auto read = read_stream(store, run, stream, mark == from.streams.end() ? FeedMark::Stream{} : mark->second, limit, out);
            if (!read) return std::unexpected(read.error());
            if (out.size() >= limit) break;
        }
        if (!out.empty() || run >= live_run) return out;
        const auto next = find_row(store, begin_of(run + 1), begin_of(live_run + 1), Order::ascending);
        if (!next) return std::unexpected(next.error());
        if (!*next) return out;
        run = (*next)->first.run;
    }
}

void pass(FeedMark& mark, const Indexed& entry) {
    if (entry.place.run != mark.run) {
        mark.run = entry.place.run;
        mark.streams.clear();
    }
    auto& stream = mark.streams[entry.place.stream];
    const auto is_last = entry.nth + 1 == entry.of;
    stream.row = is_last ? entry.place.row : entry.place.row - 1;
    stream.taken = is_last ? 0 : entry.nth + 1;
    ++stream.total;
    ++mark.position;
}

Result<std::uint64_t> count_behind(const Store& store, const FeedMark& mark, std::uint64_t live_run) {
    std::uint64_t behind = 0;
    for (auto at = begin_of(mark.run);;) {
        const auto row = find_row(store, at, begin_of(live_run), Order::ascending);
        if (!row) return std::unexpected(row.error());
        if (!*row) return behind;
        const auto [run, stream, first] = (*row)->first;
        const auto last = find_row(store, begin_of(run, stream), commit_key({run, stream, kLastRow}), Order::descending);
        if (!last) return std::unexpected(last.error());
        behind += (*last)->second.total;
        const auto given = run == mark.run ? mark.streams.find(stream) : mark.streams.end();
        if (given != mark.streams.end()) behind -= std::min(behind, given->second.total);
        at = commit_key({run, stream, kLastRow});
    }
}

}  // namespace madang
