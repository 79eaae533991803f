#include "model/entry.hpp"

namespace madang {

Seq Entry::newest_shown_to(UserId user) const {
    if (is_shown_to(user)) return seq;
    const auto at = std::ranges::lower_bound(shadow->others, user, {}, &std::pair<UserId, Seq>::first);
    return at == shadow->others.end() || at->first != user ? shadow->wide : at->second;
}

bool is_addressed(const Member& member, const Entry& entry) {
    const auto* stay = member.stay_at(entry.seq);
    if (!stay || !entry.is_shown_to(member.user.id)) return false;
    return !entry.revision || entry.revision->for_all || stay->joined <= entry.revision->target;
}

Seq newest_addressed(const Member& member, const Entry& entry) {
    if (is_addressed(member, entry)) return entry.seq;
    if (!entry.shadow || !member.addressed(entry.seq)) return {};
    const auto shown = entry.newest_shown_to(member.user.id);
    return shown > entry.shadow->wide ? shown : Seq{};
}

Seq addressed_before(const Member& member, Seq seq, std::span<const EntryPtr> narrow) {
    auto last = member.addressed_before(seq);
    for (const auto& entry : narrow) {
        if (entry->seq != last) break;
        if (const auto newest = newest_addressed(member, *entry)) return newest;
        // Nobody comes or goes within a run of shadowed entries: who was a member at its end was one all along.
        last = member.addressed_before(entry->shadow ? next(entry->shadow->wide) : last);
    }
    return last;
}

}  // namespace madang
