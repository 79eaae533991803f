#include "store/batch.hpp"

#include <array>

namespace madang {

std::string_view name_of(Table table) noexcept {
    static constexpr std::array<std::string_view, kTables> kNames{
        "meta",         "message",
        "send_key",     "creation_key",
        "inbox",        "user_conversation",
        "conversation", "member",
        "account",      "name",
        "pair",         "device",
        "journal",      "epoch",
        "mention",      "preference",
        "ban",          "invite",
        "relation",     "relation_journal",
        "commit_index", "feed_mark",
        "plugin_store", "push_outbox",
        "push_open",    "push_dead",
        "held",         "receipt",
        "departure",
    };
    return kNames[static_cast<std::size_t>(table)];
}

}  // namespace madang
