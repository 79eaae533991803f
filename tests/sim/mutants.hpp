// The seeded bugs by name.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/mutant.hpp"

namespace madang::sim {

struct NamedMutant {
    Mutant mutant;
    std::string_view name;
};
inline constexpr std::array kMutants{
    NamedMutant{Mutant::inbox_takes_twice, "inbox_takes_twice"},
    NamedMutant{Mutant::inbox_ignores_hole, "inbox_ignores_hole"},
    NamedMutant{Mutant::skip_replay, "skip_replay"},
    NamedMutant{Mutant::forget_send_key, "forget_send_key"},
    NamedMutant{Mutant::attach_gap, "attach_gap"},
    NamedMutant{Mutant::deliver_to_left, "deliver_to_left"},
    NamedMutant{Mutant::reuse_seq_after_load, "reuse_seq_after_load"},
    NamedMutant{Mutant::wake_in_reverse, "wake_in_reverse"},
    NamedMutant{Mutant::never_repeat, "never_repeat"},
    NamedMutant{Mutant::history_for_strangers, "history_for_strangers"},
    NamedMutant{Mutant::replay_old_text, "replay_old_text"},
    NamedMutant{Mutant::revise_without_row, "revise_without_row"},
    NamedMutant{Mutant::revision_for_later_joiner, "revision_for_later_joiner"},
    NamedMutant{Mutant::edit_overtaken, "edit_overtaken"},
    NamedMutant{Mutant::edit_by_anyone, "edit_by_anyone"},
    NamedMutant{Mutant::keep_mention, "keep_mention"},
    NamedMutant{Mutant::count_own_messages, "count_own_messages"},
    NamedMutant{Mutant::recount_forgets, "recount_forgets"},
    NamedMutant{Mutant::marker_goes_back, "marker_goes_back"},
    NamedMutant{Mutant::offline_on_cut, "offline_on_cut"},
    NamedMutant{Mutant::no_greeting, "no_greeting"},
    NamedMutant{Mutant::lost_lease, "lost_lease"},
    NamedMutant{Mutant::presence_for_all, "presence_for_all"},
    NamedMutant{Mutant::muted_may_write, "muted_may_write"},
    NamedMutant{Mutant::link_ignores_ban, "link_ignores_ban"},
    NamedMutant{Mutant::uses_uncounted, "uses_uncounted"},
    NamedMutant{Mutant::two_owners, "two_owners"},
    NamedMutant{Mutant::copy_takes_twice, "copy_takes_twice"},
    NamedMutant{Mutant::lose_relations, "lose_relations"},
    NamedMutant{Mutant::block_shows, "block_shows"},
    NamedMutant{Mutant::gate_lags, "gate_lags"},
    NamedMutant{Mutant::verdicts_overtake, "verdicts_overtake"},
    NamedMutant{Mutant::failure_allows, "failure_allows"},
    NamedMutant{Mutant::index_forgets, "index_forgets"},
    NamedMutant{Mutant::index_one_run, "index_one_run"},
    NamedMutant{Mutant::feed_leaves_run_early, "feed_leaves_run_early"},
    NamedMutant{Mutant::feed_marks_early, "feed_marks_early"},
    NamedMutant{Mutant::feed_ignores_failure, "feed_ignores_failure"},
    NamedMutant{Mutant::push_lost_open, "push_lost_open"},
    NamedMutant{Mutant::push_twice, "push_twice"},
    NamedMutant{Mutant::push_after_read, "push_after_read"},
    NamedMutant{Mutant::push_ignores_ack, "push_ignores_ack"},
    NamedMutant{Mutant::lose_departures, "lose_departures"},
    NamedMutant{Mutant::keep_leftovers, "keep_leftovers"},
    NamedMutant{Mutant::shadow_shows, "shadow_shows"},
    NamedMutant{Mutant::shadow_counts, "shadow_counts"},
    NamedMutant{Mutant::held_is_stored, "held_is_stored"},
    NamedMutant{Mutant::release_twice, "release_twice"},
    NamedMutant{Mutant::refuse_keeps_key, "refuse_keeps_key"},
    NamedMutant{Mutant::keep_preference, "keep_preference"},
    NamedMutant{Mutant::receipts_from_tail, "receipts_from_tail"},
    NamedMutant{Mutant::lost_receipts, "lost_receipts"},
    NamedMutant{Mutant::receipts_overwrite, "receipts_overwrite"},
    NamedMutant{Mutant::receipts_overtake, "receipts_overtake"},
    NamedMutant{Mutant::receipts_to_blocked, "receipts_to_blocked"},
    NamedMutant{Mutant::receipts_unhealed, "receipts_unhealed"},
    NamedMutant{Mutant::ack_before_durable, "ack_before_durable"},
    NamedMutant{Mutant::drop_in_doubt, "drop_in_doubt"},
    NamedMutant{Mutant::torn_batch, "torn_batch"},
    NamedMutant{Mutant::durable_too_early, "durable_too_early"},
    NamedMutant{Mutant::read_too_early, "read_too_early"},
    NamedMutant{Mutant::no_claim, "no_claim"},
};

inline std::optional<Mutant> mutant_named(std::string_view name) {
    for (const auto& each : kMutants)
        if (each.name == name) return each.mutant;
    return std::nullopt;
}

}  // namespace madang::sim
