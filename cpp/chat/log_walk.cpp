#include "chat/log_walk.hpp"

#include "base/mutant.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang {
namespace {

constexpr std::uint64_t kWalked = 16;  // entries that are read in passing rather than jumped over: a jump costs a new scan

bool is_shown(const Entry& entry, UserId user) { return entry.is_shown_to(user) || mutant(Mutant::shadow_shows); }

// Visits [from, to) in one scan, until `visit` says that it is enough.
Result<> scan_log(const Store& store, ConversationId id, Seq from, Seq to, Order order, const VisitEntry& visit) {
    Result<> outcome;
    if (to <= from) return outcome;
    const auto scanned = store.scan(Table::message, message_key(id, from), message_key(id, to), order, [&](auto key, auto value) {
        const auto entry = decode_entry(id, Seq{id_in(key, 8)}, value);
        const auto goes_on = entry ? visit(*entry) : Result<bool>(std::unexpected(entry.error()));
        if (!goes_on) outcome = std::unexpected(goes_on.error());
        return goes_on && *goes_on;
    });
    return scanned ? outcome : scanned;
}

// `newest_behind(entry)`: the next one that may be wanted, below an entry that isn't.
template <typename IsWanted, typename NewestBehind>
Result<> walk_back(const Store& store, ConversationId id, Seq from, Seq to, const VisitEntry& visit, IsWanted is_wanted,
                   NewestBehind newest_behind) {
    while (from < to) {
        Seq jump;
        const auto read = scan_log(store, id, from, to, Order::descending, [&](const EntryPtr& entry) -> Result<bool> {
            if (is_wanted(*entry)) {
                const auto goes_on = visit(entry);
                if (!goes_on || !*goes_on) return goes_on;
            }
            const auto behind = newest_behind(*entry);
            if (next(behind) == entry->seq) return true;
            jump = next(behind);
            return false;
        });
        if (!read || !jump) return read;
        to = jump;
    }
    return {};
}

// The first position behind `first` that isn't of its run, by doubling steps: `is_run_of(entry)` tells by an entry alone that everything
// from `first` up to it is.
template <typename IsRunOf>
Result<Seq> behind_run(const Store& store, ConversationId id, Seq first, IsRunOf is_run_of) {
    auto last = first;
    bool grows = true;
    for (std::uint64_t step = 1; step > 0;) {
        const Seq probe{last.value + step};
        const auto bytes = store.get(Table::message, message_key(id, probe));
        if (!bytes) return std::unexpected(bytes.error());
        auto is_of_it = false;
        if (*bytes) {
            const auto entry = decode_entry(id, probe, **bytes);
            if (!entry) return std::unexpected(entry.error());
            is_of_it = is_run_of(**entry);
        }
        if (is_of_it) last = probe;
        grows = grows && is_of_it;
        step = grows ? step * 2 : step / 2;
    }
    return next(last);
}

// Behind an entry that this user may not be shown.
Result<Seq> behind_hidden(const Store& store, ConversationId id, UserId user, Seq hidden) {
    return behind_run(store, id, hidden, [&](const Entry& entry) {
        return entry.shadow && entry.shadow->wide < hidden && entry.newest_shown_to(user) <= hidden;
    });
}

// Behind an entry that is no message.
Result<Seq> behind_other(const Store& store, ConversationId id, Seq other) {
    return behind_run(store, id, other, [&](const Entry& entry) { return entry.message_before && *entry.message_before < other; });
}

}  // namespace

Result<> walk_shown_back(const Store& store, ConversationId id, UserId user, Seq from, Seq to, const VisitEntry& visit) {
    return walk_back(
        store, id, from, to, visit, [&](const Entry& entry) { return is_shown(entry, user); },
        [&](const Entry& entry) { return is_shown(entry, user) ? Seq{entry.seq.value - 1} : entry.newest_shown_to(user); });
}

Result<> walk_shown(const Store& store, ConversationId id, UserId user, Seq from, Seq to, const VisitEntry& visit) {
    while (from < to) {
        Seq hidden;
        const auto read = scan_log(store, id, from, to, Order::ascending, [&](const EntryPtr& entry) -> Result<bool> {
            if (is_shown(*entry, user)) return visit(entry);
            hidden = entry->seq;
            return false;
        });
        if (!read || !hidden) return read;
        const auto behind = behind_hidden(store, id, user, hidden);
        if (!behind) return std::unexpected(behind.error());
        from = *behind;
    }
    return {};
}

Result<> walk_messages_back(const Store& store, ConversationId id, UserId user, Seq from, Seq to, const VisitEntry& visit) {
    return walk_back(
        store, id, from, to, visit, [&](const Entry& entry) { return entry.is_message() && is_shown(entry, user); },
        [&](const Entry& entry) {
            if (!is_shown(entry, user)) return entry.newest_shown_to(user);
            const Seq before{entry.seq.value - 1};
            return entry.message_before && entry.message_before->value + kWalked < before.value ? *entry.message_before : before;
        });
}

Result<> walk_messages(const Store& store, ConversationId id, UserId user, Seq from, Seq to, const VisitEntry& visit) {
    while (from < to) {
        EntryPtr unwanted;
        std::uint64_t passed = 0;
        const auto read = scan_log(store, id, from, to, Order::ascending, [&](const EntryPtr& entry) -> Result<bool> {
            const auto is_wanted = entry->is_message() && is_shown(*entry, user);
            passed = is_wanted ? 0 : passed + 1;
            if (is_wanted) return visit(entry);
            if (passed <= kWalked) return true;
            unwanted = entry;
            return false;
        });
        if (!read || !unwanted) return read;
        const auto at = unwanted->seq;
        const auto behind = unwanted->is_message() ? behind_hidden(store, id, user, at) : behind_other(store, id, at);
        if (!behind) return std::unexpected(behind.error());
        from = *behind;
    }
    return {};
}

Result<> walk_runs_back(const Store& store, ConversationId id, Seq to, const VisitEntry& visit) {
    return walk_back(
        store, id, Seq{1}, to, visit, [](const Entry&) { return true; },
        [](const Entry& entry) { return entry.shadow ? entry.shadow->wide : Seq{entry.seq.value - 1}; });
}

}  // namespace madang
