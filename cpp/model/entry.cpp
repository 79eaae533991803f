#include "model/entry.hpp"

namespace madang {

bool is_addressed(const Member& member, const Entry& entry) {
    const auto* stay = member.stay_at(entry.seq);
    return stay && (!entry.is_narrow() || stay->joined <= entry.revision->target);
}

Seq addressed_before(const Member& member, Seq seq, std::span<const EntryPtr> narrow) {
    auto last = member.addressed_before(seq);
    for (const auto& entry : narrow) {
        if (entry->seq != last || is_addressed(member, *entry)) break;
        last = member.addressed_before(last);
    }
    return last;
}

}  // namespace madang
