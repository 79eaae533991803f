// Deleted accounts on their way out: which conversations and pairs each still has to be taken out of, whom that was asked of, and when what
// the store has of the user may be erased. A plain state machine: it names what is to be asked, and hears what is done.
//
// Owner and thread: the engine's that owns the users. It writes nothing and sends nothing. Everything may come twice: a place that is left
// already answers at once, so after a crash it simply begins anew.
// Limits: kTogether users at a time, the others wait in their order (8 bytes each); kAskedAtOnce places of one user are asked for at a
// time, so that one who leaves 10,000 conversations holds up nobody.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "chat/bus.hpp"

namespace madang {

class Departures {
  public:
    static constexpr std::size_t kTogether = 8;
    static constexpr std::size_t kAskedAtOnce = 16;

    // Somebody who has to go; once is enough.
    void add(UserId user);
    // One more place of somebody who is deleted, whether under way or long gone.
    void add(UserId user, const Place& place);
    // The next one to begin with; none = nobody waits, or enough are under way. begin() or put_off() follows.
    std::optional<UserId> next();
    // `who` without personal data, and where they are.
    void begin(const Profile& who, const std::vector<Place>& places);
    // It could not begin, or not go on erasing: again after the next wake().
    void put_off(UserId user);
    void wake();  // every tick

    std::vector<LeavePlace> due(Tick now);
    // An answer to an earlier ask than the present one says nothing: the user may have come in since.
    void on_left(const LeftPlace& left);
    // Who has left everywhere: each is named once, and then erased piece by piece until end().
    std::vector<UserId> to_erase();
    bool is_erasing(UserId user) const;
    void end(UserId user);
    // The places that were added in this life of the engine, of one who is not gone yet.
    std::vector<Place> added(UserId user) const;

    bool empty() const { return waiting_.empty() && later_.empty() && under_way_.empty(); }
    std::size_t size() const { return waiting_.size() + later_.size() + under_way_.size(); }

  private:
    struct Asked {
        std::uint64_t number = 0;
        Tick repeat_at{};
        unsigned repeats = 0;
    };
    struct UnderWay {
        Profile who;
        std::set<Place> open;          // not asked for yet
        std::map<Place, Asked> asked;  // not answered yet
        bool is_begun = false;
        bool is_erasing = false;
    };

    bool is_known(UserId user) const;

    std::deque<UserId> waiting_;
    std::vector<UserId> later_;
    std::map<UserId, UnderWay> under_way_;
    std::map<UserId, std::set<Place>> added_;
    std::uint64_t last_number_ = 0;
};

}  // namespace madang
