// Values by number: what waits for an answer, or a socket's side of a session. A number is never used twice, so a late answer finds nothing
// instead of somebody else's; finding is an index into an array.
//
// Owner and thread: one loop. No limit of its own; the loop has one. Grows, never shrinks.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace madang::server {

// Numbers are `prefix (8 bits) | generation (24) | place (32)`. They repeat after 16 million uses of one place.
template <typename T>
class HandleTable {
  public:
    explicit HandleTable(std::uint8_t prefix = 0) : prefix_(prefix) {}

    std::uint64_t put(T value) {
        if (free_.empty()) {
            free_.push_back(static_cast<std::uint32_t>(places_.size()));
            places_.emplace_back();
        }
        const auto at = free_.back();
        free_.pop_back();
        places_[at].value.emplace(std::move(value));
        ++size_;
        return number(at);
    }
    T* find(std::uint64_t handle) {
        const auto at = static_cast<std::uint32_t>(handle);
        if (at >= places_.size() || !places_[at].value || number(at) != handle) return nullptr;
        return &*places_[at].value;
    }
    std::optional<T> take(std::uint64_t handle) {
        auto* found = find(handle);
        if (found == nullptr) return std::nullopt;
        std::optional<T> value{std::move(*found)};
        const auto at = static_cast<std::uint32_t>(handle);
        places_[at].value.reset();
        places_[at].generation = (places_[at].generation % kGenerations) + 1;
        free_.push_back(at);
        --size_;
        return value;
    }
    std::size_t size() const { return size_; }
    void clear() {
        // The values' destructors may come back here.
        auto places = std::exchange(places_, {});
        free_.clear();
        size_ = 0;
    }

  private:
    static constexpr std::uint32_t kGenerations = (1u << 24) - 1;
    struct Place {
        std::uint32_t generation = 1;
        std::optional<T> value;
    };
    std::uint64_t number(std::uint32_t at) const {
        return (std::uint64_t{prefix_} << 56) | (std::uint64_t{places_[at].generation} << 32) | at;
    }

    std::uint8_t prefix_;
    std::vector<Place> places_;
    std::vector<std::uint32_t> free_;
    std::size_t size_ = 0;
};

}  // namespace madang::server
