// Cold state as it comes from the store.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "chat/requests.hpp"
#include "store/records.hpp"

namespace madang {

struct LoadedUser {
    UserId user;
    // None: there is no such user.
    struct State {
        Account account;
        std::vector<Device> devices;
        std::vector<UserConversation> conversations;  // as of the tail
        Cursor checkpoint;                            // the stored conversations are as of here
        Cursor floor;                                 // the oldest item still there, minus one
        Cursor tail;
    };
    Result<std::optional<State>> state;
};
struct LoadedConversation {
    ConversationId conversation;
    struct State {
        Conversation conversation;
        std::vector<Member> members;  // also those who left
        Seq head;
        MessageId last_message_id;
        EntryPtr last_message;
    };
    Result<std::optional<State>> state;
};
struct LoadedInboxPage {
    UserId user;
    SessionId session;
    Result<std::vector<Event>> events;
};
struct LoadedEntries {
    ConversationId conversation;
    UserId user;
    Result<std::vector<EntryPtr>> entries;  // rising; all of the range, addressed or not
};
struct LoadedJournal {
    Result<std::vector<EntryPtr>> entries;  // in order of (conversation, seq)
};
using Loaded = std::variant<LoadedUser, LoadedConversation, LoadedInboxPage, LoadedEntries, LoadedJournal>;

}  // namespace madang
