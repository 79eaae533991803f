// What the core asks of plugins that push, and what they answer. Values: they travel between threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "model/conversation.hpp"
#include "model/push.hpp"

namespace madang {

// How one plugin's `push` is used. The plugins stand in their configured order.
struct PushRule {
    std::string plugin;                  // its name: what is stored
    Millis timeout{10'000};              // from the call
    std::vector<std::string> providers;  // whose registrations it serves; none = it is asked once a recipient, registered or not

    bool takes_registrations() const { return !providers.empty(); }
};

// One notification for one target.
struct PushCall {
    std::uint64_t number = 0;  // the engine's own
    std::uint32_t rule = 0;
    PushKey push;
    Profile user;
    DeviceId device;                // none: the plugin takes no registrations
    PushRegistration registration;  // likewise
    ConversationKind kind = ConversationKind::direct;
    std::string title;
    MessageId message_id;
    Profile sender;
    std::string text;
    std::uint64_t badge = 0;  // what the recipient has unread in total
    Time created_at{};
    std::uint32_t attempt = 1;

    std::size_t bytes() const { return sizeof *this + registration.json.size() + text.size() + title.size(); }
};

// What became of it.
struct Delivered {
    enum class Kind : std::uint8_t {
        sent,
        gone,   // the provider knows the registration no more
        retry,  // not now
        error,  // the plugin has failed
    };
    Kind kind = Kind::sent;
    Millis after{0};     // retry: not before; 0 = whenever
    std::string detail;  // retry and error: why, for the operator
};

}  // namespace madang
