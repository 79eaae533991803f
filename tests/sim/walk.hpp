// At rest, everybody reads everything there is to read: the list of conversations, each one's members and history. The audit compares.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "device.hpp"
#include "network.hpp"

namespace madang::sim {

class Walk {
  public:
    struct Place {
        ConversationView view;
        std::vector<MemberView> members;
        std::vector<Seq> history;
    };

    Walk(Context& context, Network& network, const Person& person);

    bool is_done() const { return is_done_; }
    UserId user() const { return actor_.user; }
    const std::vector<ConversationView>& list() const { return list_; }
    std::uint64_t unread_total() const { return unread_total_; }
    const std::map<ConversationId, Place>& places() const { return places_; }
    const std::vector<EntryPtr>& mentions() const { return mentions_; }

  private:
    void step();
    void on_answer(const Request& request, const Response& response);
    std::uint32_t some();

    Context& context_;
    Network& network_;
    Actor actor_;
    std::deque<Request> todo_;
    std::vector<ConversationView> list_;
    std::uint64_t unread_total_ = 0;
    std::map<ConversationId, Place> places_;
    std::vector<EntryPtr> mentions_;
    bool is_done_ = false;
};

}  // namespace madang::sim
