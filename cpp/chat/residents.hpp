// The objects of one kind that an engine has in memory, in order of use, with the requests that wait for those still being loaded.
//
// Owner and thread: one engine's. Limits: the owner decides when to evict() and how many may wait; nothing here grows by itself.
#pragma once

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutant.hpp"
#include "base/result.hpp"

namespace madang {

template <typename Id, typename State>
class Residents {
  public:
    // Null = there is no such object in the store either. An error = the store could not tell.
    using Resume = std::move_only_function<void(Result<State*>)>;

    // The object, now the most recently used; null if it is not in memory.
    State* find(Id id) {
        const auto found = places_.find(id);
        if (found == places_.end()) return nullptr;
        order_.splice(order_.begin(), order_, found->second);
        return found->second->second.get();
    }

    // Does anybody wait for this object?
    bool is_loading(Id id) const { return waiting_.contains(id); }

    // Waits for an object that is not in memory. True if nobody waited before: the caller must have it loaded.
    bool park(Id id, Resume resume) {
        MADANG_ASSERT(!places_.contains(id));
        auto& waiting = waiting_[id];
        waiting.push_back(std::move(resume));
        ++parked_;
        return waiting.size() == 1;
    }

    State& insert(Id id, std::unique_ptr<State> state) {
        MADANG_ASSERT(!places_.contains(id));
        order_.emplace_front(id, std::move(state));
        places_.emplace(id, order_.begin());
        return *order_.front().second;
    }

    // The load has ended: everything parked goes on, in its order.
    void loaded(Id id, Result<std::unique_ptr<State>> state) {
        Result<State*> answer = nullptr;
        if (!state) {
            answer = std::unexpected(state.error());
        } else if (*state) {
            // Somebody may have made it meanwhile (a conversation is made without loading): what is in memory is newer.
            auto* present = find(id);
            answer = present ? present : &insert(id, std::move(*state));
        }
        const auto found = waiting_.find(id);
        if (found == waiting_.end()) return;
        auto resumes = std::move(found->second);
        waiting_.erase(found);
        parked_ -= resumes.size();
        if (mutant(Mutant::wake_in_reverse)) std::ranges::reverse(resumes);
        for (auto& resume : resumes) resume(answer);
    }

    // Drops the least recently used ones for which `idle` holds until at most `max` are left, looking at no more than `looks`.
    template <typename Idle>
    std::size_t evict(std::size_t max, std::size_t looks, Idle&& idle) {
        std::size_t dropped = 0;
        auto at = order_.end();
        while (order_.size() > max && looks-- > 0 && at != order_.begin()) {
            --at;
            if (idle(*at->second)) {
                places_.erase(at->first);
                at = order_.erase(at);
                ++dropped;
            } else {  // a second chance, so that the ones that must stay do not hide the others
                const auto busy = at++;
                order_.splice(order_.begin(), order_, busy);
            }
        }
        return dropped;
    }

    template <typename Visit>
    void for_each(Visit&& visit) {
        for (auto& [id, state] : order_) visit(*state);
    }

    std::size_t size() const { return order_.size(); }
    std::size_t parked() const { return parked_; }

  private:
    using Order = std::list<std::pair<Id, std::unique_ptr<State>>>;

    Order order_;  // most recently used first
    std::unordered_map<Id, typename Order::iterator> places_;
    std::unordered_map<Id, std::vector<Resume>> waiting_;
    std::size_t parked_ = 0;
};

}  // namespace madang
