#include "store/feed_records.hpp"

#include <algorithm>
#include <utility>

#include "store/codec.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

using codec::begin;
using codec::finish;

constexpr std::size_t kCommitKeySize = 18;
constexpr std::size_t kEntryMin = 9, kStreamMin = 4;  // bytes

std::string of_plugin(std::string_view plugin) {
    std::string key{std::string_view{Key{0}}};
    return key.append(plugin);
}

}  // namespace

std::string commit_key(const CommitPlace& place) {
    std::string key{std::string_view{Key{place.run}}};
    key.reserve(kCommitKeySize);
    key += static_cast<char>(place.stream >> 8);
    key += static_cast<char>(place.stream & 0xFF);
    return key.append(std::string_view{Key{place.row}});
}

Result<CommitPlace> commit_place_in(std::string_view key) {
    if (key.size() != kCommitKeySize) return fail(Code::internal, "damaged key of the commit index");
    const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(key[at])); };
    return CommitPlace{id_in(key, 0), static_cast<std::uint16_t>(byte(8) << 8 | byte(9)), id_in(key, 10)};
}

std::string feed_mark_key(std::string_view plugin) { return of_plugin(plugin); }

std::string plugin_store_key(std::string_view plugin, std::string_view key) { return of_plugin(plugin).append(1, '\0').append(key); }

std::string plugin_store_end(std::string_view plugin, std::string_view prefix) {
    auto end = plugin_store_key(plugin, prefix);
    // The zero byte behind the name is never 0xFF, so this ends there at the latest.
    while (static_cast<unsigned char>(end.back()) == 0xFF) end.pop_back();
    ++end.back();
    return end;
}

std::string_view key_in_plugin_store(std::string_view plugin, std::string_view stored_key) {
    return stored_key.substr(std::min(stored_key.size(), 8 + plugin.size() + 1));
}

void encode(const CommitRow& row, std::string& out) {
    auto w = begin(out);
    w.varint(row.total);
    w.varint(row.entries.size());
    for (const auto& each : row.entries) {
        w.id(each.conversation);
        w.position(each.seq);
    }
}

Result<CommitRow> decode_commit_row(std::string_view bytes) {
    auto r = begin(bytes);
    CommitRow row;
    row.total = r.varint();
    row.entries.resize(r.count(kEntryMin));
    for (auto& each : row.entries) {
        each.conversation = r.id<ConversationId>();
        each.seq = r.position<Seq>();
    }
    if (row.entries.empty()) r.spoil();
    return finish(r, std::move(row), "row of the commit index");
}

void encode(const FeedMark& mark, std::string& out) {
    auto w = begin(out);
    w.varint(mark.position);
    w.varint(mark.run);
    w.varint(mark.streams.size());
    for (const auto& [stream, given] : mark.streams) {
        w.varint(stream);
        w.varint(given.row);
        w.varint(given.taken);
        w.varint(given.total);
    }
}

Result<FeedMark> decode_feed_mark(std::string_view bytes) {
    auto r = begin(bytes);
    FeedMark mark;
    mark.position = r.varint();
    mark.run = r.varint();
    for (auto left = r.count(kStreamMin); left > 0 && r.good(); --left) {
        const auto stream = r.small();
        // One record, one form: rising.
        if (stream > UINT16_MAX || (!mark.streams.empty() && stream <= mark.streams.rbegin()->first)) r.spoil();
        auto& given = mark.streams[static_cast<std::uint16_t>(stream)];
        given.row = r.varint();
        given.taken = r.small();
        given.total = r.varint();
    }
    return finish(r, std::move(mark), "mark of a feed");
}

}  // namespace madang
