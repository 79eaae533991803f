#include "model/conversation.hpp"

#include <ranges>

namespace madang {

const Stay* Member::stay_at(Seq seq) const {
    for (const auto& stay : std::views::reverse(stays))
        if (stay.joined <= seq) return !stay.left || seq <= stay.left ? &stay : nullptr;
    return nullptr;
}

Seq Member::addressed_before(Seq seq) const {
    for (const auto& stay : std::views::reverse(stays)) {
        if (stay.joined >= seq) continue;
        return stay.left && stay.left < seq ? stay.left : Seq{seq.value - 1};
    }
    return Seq{};
}

}  // namespace madang
