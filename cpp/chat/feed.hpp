// The committed feed of one plugin: everything that was stored, from the first entry on, in order per conversation, at least once. One
// batch at a time is out; when it is answered the mark passes it, and is stored within kFeedMarkEvery, or by drain(): so entries are given
// again only after a crash. A batch that fails, or has no answer by its deadline, is given again for ever, with back-off.
//
// A state machine: the shell (server/feeder.hpp, or the simulator) calls it and runs nothing else meanwhile. It reads the store and appends
// marks itself, both of which may block: never on an engine's thread.
// Owner: the shell. Limits: a batch holds kFeedEntries and kFeedBytes of text, but always one entry. Errors: what can't be read is tried
// again, like a batch that failed; is_lost() when the store takes no marks any more.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "chat/commit_index.hpp"
#include "model/entry.hpp"
#include "store/store.hpp"

namespace madang {

inline constexpr std::size_t kFeedEntries = 256;
inline constexpr std::size_t kFeedBytes = 1 << 20;
inline constexpr Millis kFeedMarkEvery{100};
inline constexpr Millis kFeedRetryFirst{1'000}, kFeedRetryMax{60'000};
inline constexpr Millis kFeedRoomRetry{50};

struct FedEntry {
    std::uint64_t position = 0;  // 1, 2, 3 …; after a crash another entry may have it
    EntryPtr entry;              // with its present text
    Profile actor;               // without names if the account is gone
};

struct FeedBatch {
    std::uint64_t number = 0;  // of the answer
    std::vector<FedEntry> entries;
};

struct FeedFigures {
    std::uint64_t position = 0;  // of the last entry taken
    std::uint64_t behind = 0;    // entries not taken yet
    Time oldest{};               // of those: when the first was made; epoch = none is out, and none waits
    std::uint64_t batches = 0;   // taken
    std::uint64_t failures = 0;  // batches failed or late, reads failed
    Millis retry_after{};        // of the last failure; 0 = it is over
    std::string problem;         // of the last failure
};

class Feed {
  public:
    struct Options {
        std::string plugin;
        Epoch epoch = 0;  // also the live run
        Millis timeout{30'000};
    };
    // False: there is no room for it now.
    using Post = std::function<bool(FeedBatch batch)>;

    Feed(Options options, Store& store, const Clock& clock, Post post);

    // Once, first: takes the stored mark up. Errors: internal.
    Result<> start();
    // Does what is due. When to be called again at the latest; none = after one of the calls below.
    std::optional<Tick> work();
    // The logs have so many entries more, durably.
    void on_committed(std::uint64_t entries);
    // Of the batch that is out; any other number is dropped. `problem` empty = taken.
    void on_answer(std::uint64_t number, std::string problem);
    // For a stop: no batch goes out any more, the mark is stored by the next work().
    void drain() { is_draining_ = true; }

    bool is_out() const { return out_.has_value(); }
    bool is_marked() const { return stored_.position == mark_.position; }
    bool is_lost() const { return is_lost_; }
    // Everything that was committed, or that went out before drain(), is taken and marked.
    bool is_idle() const { return !out_ && (is_caught_up_ || is_draining_) && is_marked(); }
    const FeedMark& mark() const { return mark_; }
    FeedFigures figures() const;

  private:
    struct Out {
        std::uint64_t number = 0;
        FeedMark after;
        Tick deadline{};
    };

    void read_and_post(Tick now);
    Result<FeedBatch> read(FeedMark& after) const;
    void failed(Tick now, std::string problem);
    void store_mark(Tick now);

    const Options options_;
    Store& store_;
    const Clock& clock_;
    const Post post_;
    FeedMark mark_;    // what was taken
    FeedMark stored_;  // of that, what is durable
    std::optional<Tick> store_at_;
    std::optional<Out> out_;
    std::uint64_t numbers_ = 0;
    Tick retry_at_{};
    bool is_caught_up_ = false;
    bool is_draining_ = false;
    bool is_lost_ = false;
    std::uint64_t committed_ = 0;  // that `start_position` and what follows count up to
    FeedFigures figures_;
};

}  // namespace madang
