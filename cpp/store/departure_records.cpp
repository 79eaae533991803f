#include "store/departure_records.hpp"

#include "store/codec.hpp"

namespace madang {
namespace {

constexpr std::size_t kDepartureIdBytes = 8;

template <typename Id>
void write_ids(codec::Writer& w, const std::vector<Id>& ids) {
    w.varint(ids.size());
    for (const auto id : ids) w.id(id);
}

template <typename Id>
std::vector<Id> read_ids(codec::Reader& r) {
    std::vector<Id> ids(r.count(kDepartureIdBytes));
    for (auto& id : ids) id = r.id<Id>();
    return ids;
}

}  // namespace

void encode(const Departure& departure, std::string& out) {
    auto w = codec::begin(out);
    write_ids(w, departure.conversations);
    write_ids(w, departure.others);
}

Result<Departure> decode_departure(std::string_view bytes) {
    auto r = codec::begin(bytes);
    Departure departure;
    departure.conversations = read_ids<ConversationId>(r);
    departure.others = read_ids<UserId>(r);
    return codec::finish(r, std::move(departure), "departure");
}

}  // namespace madang
