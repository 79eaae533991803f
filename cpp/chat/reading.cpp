// Read markers. A read to the end sets unread to 0. One to the middle is counted in the log by a reader, as of the newest entry that the
// inbox has; what the inbox takes meanwhile is noted beside and added in the end, so it is neither lost nor counted twice. A read beyond
// the inbox (its fan-out is still on the way) asks the store how far the log goes.
#include <algorithm>

#include "base/mutant.hpp"
#include "chat/engine_state.hpp"

namespace madang {
namespace {

constexpr std::size_t kReadsWaiting = 100;  // for one recount; more: rate_limited

ReadState state_of(const UserConversation* row) { return row ? ReadState{row->read_seq, row->unread, row->unread_mentions} : ReadState{}; }

}  // namespace

void Engine::State::on(const ReplyTo& from, MarkRead&& request) {
    with_user(from, request.actor.user,
              [this, from, request](UserState& user) { mark_read(user, request.conversation, request.seq, from); });
}

void Engine::State::mark_read(UserState& user, ConversationId conversation, Seq seq, const ReplyTo& from) {
    const auto* row = user.inbox.find(conversation);
    const bool is_member = row && !row->left && row->last_seq;
    if (is_member && seq <= row->read_seq && !mutant(Mutant::marker_goes_back)) return reply(from, state_of(row));
    if (const auto counting = recounts_.find({user.id, conversation}); counting != recounts_.end()) {
        auto& waiting = counting->second.waiting;
        if (waiting.size() >= kReadsWaiting)
            return refuse(from, {Code::rate_limited, "too many reads of this conversation at once", Millis{1'000}});
        return waiting.emplace_back(from, seq), void();
    }
    if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
    if (!is_member) return recount(user, nullptr, conversation, seq, from);
    if (seq != row->last_seq && seq >= row->joined_seq) return recount(user, row, conversation, seq, from);
    // To the end, or to somewhere before the present stay.
    move_marker(user, conversation, seq, seq == row->last_seq ? Unread{} : Unread{row->unread, row->unread_mentions});
    reply(from, state_of(user.inbox.find(conversation)));
}

void Engine::State::recount(UserState& user, const UserConversation* row, ConversationId conversation, Seq seq, const ReplyTo& from) {
    Recount job{.user = user.id, .conversation = conversation, .from = Seq{1}, .to = Seq{}, .as_of = {}};
    Recounting counting{.marker = seq, .base = {}, .subtracts = false, .since = {}, .from = from, .waiting = {}};
    if (row && seq < row->last_seq) {
        const auto first = row->unread_from();
        counting.subtracts = seq.value - first.value < row->last_seq.value - seq.value;
        if (counting.subtracts) counting.base = {row->unread, row->unread_mentions};
        job.from = counting.subtracts ? first : next(seq);
        job.to = counting.subtracts ? seq : row->last_seq;
        job.as_of = row->last_seq;
        if (job.to.value - job.from.value >= kRecountEntries)
            return refuse(from, {Code::bad_request,
                                 "more than " + std::to_string(kRecountEntries) +
                                     " entries lie on either side of `seq`: read to the end, or nearer to the marker or the end",
                                 {}});
    }
    recounts_.emplace(std::pair(user.id, conversation), std::move(counting));
    ++user.recounts;
    effects_.push_back(Read{job});  // behind this turn's rows: everything up to `as_of` is in the log then
}

void Engine::State::note_for_recount(UserState& user, const InboxItem& item) {
    const auto counting = recounts_.find({user.id, item.conversation_id});
    if (counting != recounts_.end()) counting->second.since += change_by(item, next(counting->second.marker));
}

void Engine::State::on_recounted(Recounted done) {
    auto found = recounts_.extract({done.user, done.conversation});
    MADANG_ASSERT(found);
    auto& counting = found.mapped();
    auto& user = *users_.find(done.user);  // kept in memory by its recounts
    --user.recounts;
    const auto finish = [&] {
        if (is_deleted(user.account.profile)) return refuse(counting.from, {Code::unauthenticated, "the account was deleted", {}});
        if (!done.state) return refuse(counting.from, done.state.error());
        const auto& state = *done.state;
        if (!state.known) return refuse(counting.from, {Code::not_found, "no such conversation", {}});
        if (!state.present) return refuse(counting.from, {Code::not_a_member, "you are no longer a member of this conversation", {}});
        const auto* row = user.inbox.find(done.conversation);
        const auto end = std::max(state.head, row ? row->last_seq : Seq{});
        const auto marker = std::min(counting.marker, end);
        const auto before = row ? row->read_seq : Seq{};
        if (marker <= before && !mutant(Mutant::marker_goes_back)) return reply(counting.from, state_of(row));
        if (!store_.has_space()) return refuse(counting.from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        Unread unread = counting.base;
        unread += counting.subtracts ? -state.counted : state.counted;
        if (!mutant(Mutant::recount_forgets)) unread += counting.since;
        if (row && row->left) unread = {};
        // Left and joined again meanwhile: the marker lies before the present stay, whose messages are all unread.
        if (row && marker < row->joined_seq) unread = {row->unread, row->unread_mentions};
        move_marker(user, done.conversation, marker, unread);
        reply(counting.from, state_of(user.inbox.find(done.conversation)));
    };
    finish();
    // The furthest first: it may leave nothing to do for the others.
    std::ranges::sort(counting.waiting, std::greater{}, &std::pair<ReplyTo, Seq>::second);
    for (const auto& [from, seq] : counting.waiting)
        if (is_deleted(user.account.profile))
            refuse(from, {Code::unauthenticated, "the account was deleted", {}});
        else
            mark_read(user, done.conversation, seq, from);
}

void Engine::State::move_marker(UserState& user, ConversationId conversation, Seq seq, Unread unread) {
    const auto count = [](std::int64_t n) { return static_cast<std::uint32_t>(std::max<std::int64_t>(n, 0)); };
    Note note;
    note.unread = count(unread.messages);
    note.unread_mentions = count(unread.mentions);
    ++figures_.reads;
    receiving_.outbox.move(user.id, conversation, {seq, seq});
    deliver_note(user, {.conversation_id = conversation,
                        .seq = seq,
                        .role = user.inbox.role(conversation),
                        .type = EntryType::read_updated,
                        .own = true,
                        .lists = false,
                        .target = {},
                        .created_at = clock_.now(),
                        .note = std::make_shared<const Note>(std::move(note))});
}

}  // namespace madang
