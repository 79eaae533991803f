// Is a push due? A message that comes while a device of its recipient is attached waits here until some device acks it, or for
// `ack_within`. What comes meanwhile waits behind it, so of every inbox a prefix is decided: one cursor, kept in a row (`push_open`), says
// after a crash where to go on. The row is written when somebody first has something undecided and is gone when they have had nothing for
// kOpenFor; between, it moves at most every kRowEvery, so steady chat that is acked costs no rows. A row that lags costs nothing but a
// second look at what was acked since: with each push that is decided here its user's row moves in the same append.
//
// Owner and thread: the users' engine's. It writes nothing: what add() and turn() say, the engine does. Users need not be in memory.
// Limits: about kUndecidedMax messages in all; beyond it the users with the next deadlines are decided at once.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang {

inline constexpr std::size_t kUndecidedMax = 200'000;

struct Undecided {
    Cursor cursor;
    ConversationId conversation;
    Seq seq;
};

class PushDecisions {
  public:
    static constexpr Millis kOpenFor{10'000};
    static constexpr Millis kRowEvery{30'000};

    explicit PushDecisions(Millis ack_within, std::size_t undecided_max = kUndecidedMax)
        : ack_within_(ack_within), undecided_max_(undecided_max) {}

    // Something of this user's is undecided.
    bool has_undecided(UserId user) const;
    // Rising cursors of a user. A cursor is the row that must be written with the item.
    std::optional<Cursor> add(UserId user, const Undecided& item, Tick now);
    // Some device has stored everything up to there.
    void on_ack(UserId user, Cursor cursor);
    // A push is written for the item at this cursor, up to which all is decided: true if the user has a row, which must move there with it.
    bool on_pushed(UserId user, Cursor cursor);

    // From an earlier run: all up to `row` was decided, `items` are not. They have `ack_within` from now.
    void reopen(UserId user, Cursor row, const std::vector<Undecided>& items, Tick now);

    // Users whose oldest undecided item has waited long enough: decide them, item by item (take_due), then settled(). None is given a
    // second time before that.
    std::vector<UserId> due(Tick now);
    std::optional<Undecided> take_due(UserId user, Tick now);
    // False: they couldn't be looked at now; again a little later.
    void settled(UserId user, Tick now, bool done = true);
    // The user is no more.
    void forget(UserId user);

    // Rows to be written: the cursor, or none = erase. `exact`: before a stop in good order, all of them.
    struct Row {
        UserId user;
        std::optional<Cursor> cursor;
    };
    std::vector<Row> rows(Tick now, bool exact);

    bool rows_are_exact() const;
    bool is_deciding() const { return deciding_ > 0; }
    std::size_t undecided() const { return undecided_; }
    std::size_t open() const { return users_.size(); }

  private:
    struct Waiting {
        Undecided item;
        Tick deadline;
    };
    struct Open {
        std::deque<Waiting> waiting;  // rising cursors and deadlines
        Cursor row;                   // as written
        Cursor last;                  // the newest item that has waited here
        Tick written_at{};
        Tick active_at{};
        bool has_row = false;
        bool deciding = false;       // given by due()
        std::optional<Tick> queued;  // in queue_

        Cursor decided() const { return waiting.empty() ? last : Cursor{waiting.front().item.cursor.value - 1}; }
    };
    void queue(UserId user, Open& open, Tick at);
    void add_waiting(Open& open, const Undecided& item, Tick now);

    Millis ack_within_;
    std::size_t undecided_max_;
    std::unordered_map<UserId, Open> users_;
    std::set<std::pair<Tick, UserId>> queue_;  // when to look at a user next
    std::vector<UserId> looked_at_;            // since the last rows()
    std::size_t undecided_ = 0;
    std::size_t deciding_ = 0;
};

}  // namespace madang
