#include "chat/feed.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/mutant.hpp"
#include "chat/stored.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang {
namespace {

// Marks belong to no slot in particular; this one's epoch keeps the feed of a dead process from writing any.
constexpr Slot kMarkSlot = 0;

Result<Profile> read_actor(const Store& store, UserId user) {
    const auto bytes = store.get(Table::account, account_key(user));
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return Profile{.id = user};
    auto account = decode_account(user, **bytes);
    if (!account) return std::unexpected(account.error());
    return std::move(account->profile);
}

}  // namespace

Feed::Feed(Options options, Store& store, const Clock& clock, Post post)
    : options_(std::move(options)), store_(store), clock_(clock), post_(std::move(post)) {}

Result<> Feed::start() {
    const auto bytes = store_.get(Table::feed_mark, feed_mark_key(options_.plugin));
    if (!bytes) return std::unexpected(bytes.error());
    if (*bytes) {
        auto mark = decode_feed_mark(**bytes);
        if (!mark) return std::unexpected(mark.error());
        mark_ = stored_ = std::move(*mark);
    }
    const auto behind = count_behind(store_, mark_, options_.epoch);
    if (!behind) return std::unexpected(behind.error());
    committed_ = mark_.position + *behind;
    return {};
}

void Feed::on_committed(std::uint64_t entries) {
    committed_ += entries;
    is_caught_up_ = false;
}

std::optional<Tick> Feed::work() {
    const auto now = clock_.tick();
    if (is_lost_) return {};
    if (out_ && now >= out_->deadline) failed(now, "no answer within " + std::to_string(options_.timeout.count()) + " ms");
    if (!out_ && !is_draining_ && !is_caught_up_ && now >= retry_at_) read_and_post(now);
    if (store_at_ && (now >= *store_at_ || (is_draining_ && !out_))) store_mark(now);
    auto next = store_at_;
    const auto also = [&](Tick at) { next = next ? std::min(*next, at) : at; };
    if (out_) also(out_->deadline);
    if (!out_ && !is_draining_ && !is_caught_up_) also(retry_at_);
    return next;
}

void Feed::read_and_post(Tick now) {
    auto after = mark_;
    auto batch = read(after);
    if (!batch) return failed(now, batch.error().detail);
    if (batch->entries.empty()) {
        is_caught_up_ = true;
        figures_.oldest = {};
        return;
    }
    figures_.oldest = batch->entries.front().entry->created_at;
    batch->number = ++numbers_;
    out_ = Out{batch->number, std::move(after), now + options_.timeout};
    if (mutant(Mutant::feed_marks_early)) mark_ = out_->after, store_at_ = now;
    if (post_(std::move(*batch))) return;
    out_.reset();
    retry_at_ = now + kFeedRoomRetry;
}

Result<FeedBatch> Feed::read(FeedMark& after) const {
    const auto places = read_commit_index(store_, mark_, options_.epoch, kFeedEntries);
    if (!places) return std::unexpected(places.error());
    FeedBatch batch;
    std::map<UserId, Profile> actors;
    std::size_t bytes = 0;
    for (const auto& each : *places) {
        auto entry = read_entry(store_, each.entry.conversation, each.entry.seq);
        if (entry) entry = with_message(store_, std::move(*entry));
        if (entry) entry = as_shown(store_, std::move(*entry));
        if (!entry) return std::unexpected(entry.error());
        bytes += (*entry)->text_bytes();
        if (!batch.entries.empty() && bytes > kFeedBytes) break;
        const auto who = (*entry)->actor;
        if (!actors.contains(who)) {
            auto actor = read_actor(store_, who);
            if (!actor) return std::unexpected(actor.error());
            actors[who] = std::move(*actor);
        }
        pass(after, each);
        batch.entries.push_back({after.position, std::move(*entry), actors[who]});
    }
    return batch;
}

void Feed::on_answer(std::uint64_t number, std::string problem) {
    if (!out_ || out_->number != number) return;
    const auto now = clock_.tick();
    if (!problem.empty() && !mutant(Mutant::feed_ignores_failure)) return failed(now, std::move(problem));
    mark_ = std::move(out_->after);
    out_.reset();
    ++figures_.batches;
    figures_.retry_after = Millis{0};
    retry_at_ = now;
    if (!store_at_) store_at_ = now + kFeedMarkEvery;
}

void Feed::failed(Tick now, std::string problem) {
    out_.reset();
    ++figures_.failures;
    figures_.retry_after = figures_.retry_after == Millis{0} ? kFeedRetryFirst : std::min(2 * figures_.retry_after, kFeedRetryMax);
    figures_.problem = std::move(problem);
    retry_at_ = now + figures_.retry_after;
}

void Feed::store_mark(Tick now) {
    std::string bytes;
    encode(mark_, bytes);
    Batch batch;
    batch.put(Table::feed_mark, feed_mark_key(options_.plugin), bytes);
    batch.fence(kMarkSlot, options_.epoch);
    switch (store_.append(batch)) {
        case Outcome::durable:
            stored_ = mark_;
            store_at_.reset();
            return;
        case Outcome::in_doubt:
        case Outcome::full: store_at_ = now + kFeedMarkEvery; return;
        case Outcome::fenced:
        case Outcome::failed: is_lost_ = true; return;
    }
}

FeedFigures Feed::figures() const {
    auto figures = figures_;
    figures.position = mark_.position;
    figures.behind = committed_ - std::min(committed_, mark_.position);
    return figures;
}

}  // namespace madang
