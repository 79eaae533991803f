// The records of pairs and of users' copies of them.
#include "store/codec.hpp"
#include "store/records.hpp"

namespace madang {
namespace {

using codec::begin;
using codec::finish;
using codec::Reader;
using codec::Writer;

constexpr auto kStageMax = static_cast<std::uint8_t>(Pair::Stage::friends);

void write(Writer& w, const Relation& relation) {
    w.varint(relation.version);
    w.byte(static_cast<std::uint8_t>(relation.state));
    w.flag(relation.blocks);
    w.flag(relation.blocked_by);
}

Relation read_relation(Reader& r, UserId other) {
    Relation relation;
    relation.other = other;
    relation.version = r.varint();
    relation.state = r.enumerator<FriendState>(kFriendStateMax);
    relation.blocks = r.flag();
    relation.blocked_by = r.flag();
    return relation;
}

}  // namespace

void encode(const Pair& pair, std::string& out) {
    auto w = begin(out);
    w.id(pair.direct);
    w.byte(static_cast<std::uint8_t>(pair.stage));
    for (const auto blocks : pair.blocks) w.flag(blocks);
    for (const auto gone : pair.gone) w.flag(gone);
    w.varint(pair.version);
}

Result<Pair> decode_pair(std::string_view bytes) {
    auto r = begin(bytes);
    Pair pair;
    pair.direct = r.id<ConversationId>();
    pair.stage = r.enumerator<Pair::Stage>(kStageMax);
    for (auto& blocks : pair.blocks) blocks = r.flag();
    for (auto& gone : pair.gone) gone = r.flag();
    pair.version = r.varint();
    return finish(r, std::move(pair), "pair");
}

void encode(const Relation& relation, std::string& out) {
    auto w = begin(out);
    write(w, relation);
}

Result<Relation> decode_relation(UserId other, std::string_view bytes) {
    auto r = begin(bytes);
    auto relation = read_relation(r, other);
    return finish(r, std::move(relation), "relation");
}

void encode(const RelationChange& change, std::string& out) {
    auto w = begin(out);
    w.time(change.at);
    for (std::size_t side = 0; side < 2; ++side) {
        const auto& profile = change.people[side];
        w.text(profile.username);
        w.text(profile.display_name);
        w.time(profile.created_at);
        write(w, change.relations[side]);
        w.flag(change.tells[side]);
    }
}

Result<RelationChange> decode_relation_change(UserId lower, UserId higher, std::string_view bytes) {
    auto r = begin(bytes);
    RelationChange change;
    change.at = r.time();
    for (std::size_t side = 0; side < 2; ++side) {
        auto& profile = change.people[side];
        profile.id = side == 0 ? lower : higher;
        profile.username = r.text();
        profile.display_name = r.text();
        profile.created_at = r.time();
        change.relations[side] = read_relation(r, side == 0 ? higher : lower);
        change.tells[side] = r.flag();
    }
    return finish(r, std::move(change), "change of a pair");
}

}  // namespace madang
