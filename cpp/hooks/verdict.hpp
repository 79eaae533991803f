// What the core asks of plugins and what they answer. Values: they travel between threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/conversation.hpp"
#include "model/entry.hpp"

namespace madang {

// What decides where a plugin doesn't: it failed, its verdict is late, the mailbox is full.
enum class OnError : std::uint8_t { deny, allow, hold };

// How one plugin's `check` is used. The plugins stand in their configured order; each is a stage.
struct CheckRule {
    Millis timeout{200};  // from the call
    OnError on_error = OnError::deny;
    bool observe = false;  // called, but nobody waits for it and nothing follows from it
};

// May this message be stored?
struct CheckCall {
    std::uint64_t number = 0;  // the engine's own; 0 = nobody waits for a verdict
    std::uint32_t stage = 0;
    ConversationId conversation;  // none: a direct one that its first message will make
    ConversationKind kind = ConversationKind::direct;
    UserId sender;
    UserId peer;                  // the other user of a direct one
    std::string sender_username;  // empty: not known where there is no conversation yet
    std::string client_id;
    std::string text;   // as the stages before have left it
    bool edit = false;  // the new text of a message that is stored already
    Mentions mentions;  // in the text as it was sent; none where there is no conversation yet

    std::size_t bytes() const { return sizeof *this + client_id.size() + text.size() + mentions.users.size() * sizeof(UserId); }
};

struct Verdict {
    enum class Kind : std::uint8_t { allow, deny, modify, error, hold, shadow };
    Kind kind = Kind::allow;
    std::string text;  // deny, hold: the reason · modify: the new text · error: what went wrong
};

// Who is this?
struct IdentityCall {
    std::uint64_t number = 0;  // the loop's own
    std::string credentials;   // a JSON object

    std::size_t bytes() const { return sizeof *this + credentials.size(); }
};

struct Identity {
    std::string username;
    std::string display_name;
    std::vector<std::string> roles;
};
// Errors: unauthenticated (the plugin says no, with its reason), plugin_unavailable (it failed).
using IdentityAnswer = Result<Identity>;

}  // namespace madang
