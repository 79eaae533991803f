// A message that a plugin has kept back for review. A value.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"

namespace madang {

struct HeldMessage {
    enum class State : std::uint8_t { waiting = 0, released = 1, refused = 2 };

    HeldId id;
    ConversationId conversation;
    UserId sender;
    std::string sender_username;
    std::string client_id;
    std::string text;         // as it would be stored; once it is decided, none
    Digest128 text_digest{};  // of the text as it was sent
    std::string reason;       // the plugin's
    Time created_at{};
    // What became of it is kept for a while, so that a reviewer who asks again is answered the same.
    State state = State::waiting;
    Seq seq;  // released: where the message stands

    bool operator==(const HeldMessage&) const = default;
};

}  // namespace madang
