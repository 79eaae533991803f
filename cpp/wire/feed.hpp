// Entries of the committed feed as JSON: `{"position":…,"created_at":…,"actor":{user},"type":…, …}`, where type and what follows are those
// of the same entry's event. Where an event depends on who reads it, this is as nobody in particular reads it, and as its maker where a
// conversation begins.
// Immutable, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "model/entry.hpp"

namespace madang::wire {

void append_fed_entry(std::string& out, std::uint64_t position, const Entry& entry, const Profile& actor);

}  // namespace madang::wire
