// The record of a deleted account that is not gone from everywhere yet.
// Thread: any. Errors: as for every record (records.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace madang {

// Where the user has to be taken out of besides what their inbox and their relations say: places that turned up after the deletion.
struct Departure {
    std::vector<ConversationId> conversations;
    std::vector<UserId> others;  // of pairs

    bool operator==(const Departure&) const = default;
};

void encode(const Departure& departure, std::string& out);
Result<Departure> decode_departure(std::string_view bytes);

}  // namespace madang
