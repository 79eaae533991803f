// The events encoded in this turn: a message goes to many sockets and into its sender's reply, but is written as JSON once.
// Owner: a Gateway. Thread: its loop's only. Limits: the last kKept entries; older ones are encoded again if they come again.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "model/entry.hpp"
#include "wire/events.hpp"

namespace madang::net {

class EventCache {
  public:
    // Valid until the next call.
    std::string_view body(const EntryPtr& entry, const wire::Viewer& viewer) {
        if (!wire::has_shared_body(*entry)) return own_ = wire::encode_event_body(*entry, viewer);
        for (const auto& kept : kept_)
            if (kept.entry == entry) return kept.body;
        auto& slot = kept_[next_++ % kKept];
        slot = {entry, wire::encode_event_body(*entry, viewer)};
        return slot.body;
    }
    std::string_view message(const EntryPtr& entry) { return wire::message_in(body(entry, {})); }

    // At the end of a turn: holds no entry any longer.
    void clear() { kept_ = {}, own_ = {}; }

  private:
    static constexpr std::size_t kKept = 4;

    struct Kept {
        EntryPtr entry;
        std::string body;
    };
    std::array<Kept, kKept> kept_;
    std::string own_;
    std::size_t next_ = 0;
};

}  // namespace madang::net
