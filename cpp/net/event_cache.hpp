// The events and signals encoded in this turn: a message goes to many sockets and into its sender's reply, a signal to many sockets, but
// each is written as JSON once.
// Owner: a Gateway. Thread: its loop's only. Limits: the last kKept entries; older ones are encoded again if they come again.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/entry.hpp"
#include "model/signal.hpp"
#include "wire/answers.hpp"
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

    // A whole frame. Valid until the next call.
    std::string_view signal(const Signal& signal) {
        if (signal_ == signal) return signal_json_;
        signal_ = signal;
        signal_json_.clear();
        wire::append_signal(signal_json_, signal);
        return signal_json_;
    }

    // At the end of a turn: holds no entry any longer.
    void clear() { kept_ = {}, own_ = {}, signal_.reset(); }

  private:
    static constexpr std::size_t kKept = 4;

    struct Kept {
        EntryPtr entry;
        std::string body;
    };
    std::array<Kept, kKept> kept_;
    std::string own_;
    std::optional<Signal> signal_;  // the last one
    std::string signal_json_;
    std::size_t next_ = 0;
};

}  // namespace madang::net
