// What engines say to each other. The bus may lose, repeat, delay and reorder every one of these: each is a request that its sender repeats
// until it is answered, and harmless when it comes twice.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "model/conversation.hpp"
#include "model/entry.hpp"

namespace madang {

// A log entry for users of another engine. `prev` = the last entry of this conversation addressed to that user before this one (0 = none):
// the inbox takes the entry only if that is the last one it has, so it is there exactly once and in order.
struct FanOut {
    struct Recipient {
        UserId user;
        Seq prev;
    };
    EntryPtr entry;
    std::vector<Recipient> recipients;
};
// Everything of `FanOut` is durably in the inboxes, but for the users in `behind`, with the last entry that each of them has.
struct FannedOut {
    struct Behind {
        UserId user;
        Seq last;
    };
    ConversationId conversation_id;
    Seq seq;
    std::vector<UserId> taken;
    std::vector<Behind> behind;
};
// Before people are put into a conversation: do they exist?
struct AskUsers {
    std::uint64_t operation = 0;
    std::vector<UserId> users;
    UserId inviter;
};
struct UsersAnswer {
    std::uint64_t operation = 0;
    std::vector<Profile> found;
    std::vector<UserId> missing;
};
using BusMessage = std::variant<FanOut, FannedOut, AskUsers, UsersAnswer>;

}  // namespace madang
