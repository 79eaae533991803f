// Seeded bugs, by which the simulator proves that its checker can fail (tests/sim). In the product every switch is a constant false and
// leaves no code; the simulator compiles the chat room a second time with MADANG_MUTANTS.
// Thread: the simulator's only one.
#pragma once

#include <cstdint>

namespace madang {

enum class Mutant : std::uint8_t {
    none,
    // In the engine.
    inbox_takes_twice,          // takes an entry again though `prev` says that it is a repeat
    inbox_ignores_hole,         // takes an entry though `prev` is beyond the last one it has
    skip_replay,                // start() does not take up the journal
    forget_send_key,            // the idempotency row is not written
    attach_gap,                 // attach fixes its tail one too late, so an event is skipped
    deliver_to_left,            // the fan-out goes to a member who has left, too
    reuse_seq_after_load,       // a conversation's head is loaded one too low
    wake_in_reverse,            // requests that waited for cold state go on in the reverse order
    never_repeat,               // a fan-out that the bus has lost is not sent again
    history_for_strangers,      // history is read without being a member
    replay_old_text,            // the memory tail keeps a message's old text after an edit
    revise_without_row,         // an edit or deletion is logged, but the message's row is not rewritten
    revision_for_later_joiner,  // goes also to who joined after the message and may not read it
    edit_overtaken,             // what a sender does while an edit of theirs waits does not wait behind it
    edit_by_anyone,             // not only by the sender
    keep_mention,               // the row of a mention stays when the message names the user no longer
    count_own_messages,         // own messages count as unread
    recount_forgets,            // a partial read loses what came while it was counted
    marker_goes_back,           // a read below the marker moves it there
    prev_from_stays,            // the last entry addressed to a member is taken from the stays alone
    offline_on_cut,             // a user is offline as soon as the last connection is lost
    no_greeting,                // a socket that comes isn't told which friends are online already
    lost_lease,                 // a lease is taken once and not renewed
    presence_for_all,           // anybody may see anybody's presence
    muted_may_write,            // a mute does not keep anybody from writing
    link_ignores_ban,           // who is banned may still join by link
    uses_uncounted,             // a join by link is not counted as a use of it
    two_owners,                 // who gives the owner's role away keeps it
    copy_takes_twice,           // a user's copy takes a change of a pair again though it has it
    lose_relations,             // start() does not take up the changes of pairs that may not be in both copies
    block_shows,                // who is blocked is shown the friendship's end
    gate_lags,                  // a block is not seen by the direct conversation while that is in memory
    verdicts_overtake,          // a plugin's verdict is applied as it comes, whatever the sender wrote before
    failure_allows,             // a plugin that fails lets the message through though its rule says deny
    index_forgets,              // the commit index leaves out the last of several entries of a turn
    index_one_run,              // every start numbers the rows of the commit index anew, over those of the last one
    feed_leaves_run_early,      // the feed goes on to the next run though a stream of the last one has more
    feed_marks_early,           // the feed's mark passes a batch that has no answer yet
    feed_ignores_failure,       // the feed takes a batch that failed for taken
    push_lost_open,             // after a crash nobody decides about what was undecided
    push_twice,                 // a push that has ended is taken up again from a page that was read before that
    push_after_read,            // a push goes out though its recipient has read the message
    push_ignores_ack,           // a push is decided though a device has acked the message in time
    lose_departures,            // start() does not take up the deleted accounts that are not gone from everywhere
    keep_leftovers,             // what the store has under a deleted user's id stays there
    shadow_shows,               // everybody reads shadowed messages in the history
    shadow_counts,              // a shadowed message counts as unread for the others, where it is counted in the log
    held_is_stored,             // what a plugin holds is stored at once
    release_twice,              // what is decided is decided again
    refuse_keeps_key,           // the client id of a message that was refused stays taken
    keep_preference,            // what somebody has set for a group outlasts their leaving it
    receipts_from_tail,         // everything in the inbox counts as delivered, whatever was acked
    lost_receipts,              // a receipt that the bus has lost is not sent again
    receipts_overwrite,         // a receipt replaces the one before, also a higher one
    receipts_overtake,          // an older note of receipts is told after a newer one
    receipts_to_blocked,        // receipts are told between two of whom one blocks the other
    receipts_unhealed,          // what a crash kept from a conversation is not told again
    // In the simulator's shell and store.
    ack_before_durable,  // effects are carried out before their append is durable
    drop_in_doubt,       // an append in doubt counts as not written and is given up
    torn_batch,          // a crash leaves half a batch behind
    durable_too_early,   // the engine is told that a turn is durable before it is
    read_too_early,      // a read that must follow its turn's append goes at once
    no_claim,            // a restart goes on under the old epoch
};

#ifdef MADANG_MUTANTS
inline Mutant active_mutant = Mutant::none;
inline bool mutant(Mutant which) { return active_mutant == which; }
#else
constexpr bool mutant(Mutant) { return false; }
#endif

}  // namespace madang
