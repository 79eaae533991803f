#include "wire/feed.hpp"

#include "wire/events.hpp"
#include "wire/json_writer.hpp"
#include "wire/objects.hpp"

namespace madang::wire {

void append_fed_entry(std::string& out, std::uint64_t position, const Entry& entry, const Profile& actor) {
    out += R"({"position":)";
    append_number(out, position);
    out += R"(,"created_at":)";
    append_time(out, entry.created_at);
    out += R"(,"actor":)";
    append_user(out, actor);
    if (entry.shadow) out += R"(,"shadowed":true)";
    out += ',';
    const auto maker = entry.type == EntryType::conversation_created ? entry.actor : UserId{};
    out += encode_event_body(entry, {.user = maker, .role = Role::member});
}

}  // namespace madang::wire
