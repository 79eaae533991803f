// What the model knows of edits, deletions and mentions: every version of every message, who asked for it, and who has seen which.
#include <algorithm>

#include "check.hpp"
#include "model.hpp"
#include "policy.hpp"

namespace madang::sim {
bool is_same_message(const Entry& a, const Entry& b) {
    const auto& m = a.message;
    const auto& n = b.message;
    return a.conversation_id == b.conversation_id && a.seq == b.seq && a.type == b.type && a.created_at == b.created_at &&
           a.actor == b.actor && m.id == n.id && m.sender == n.sender && m.client_id == n.client_id;
}

const RevisionFact* Model::edit_of(const std::string& text) const {
    const auto found = edits_.find(text);
    return found == edits_.end() ? nullptr : &revisions_[found->second];
}

void Model::on_revision_asked(RevisionFact fact, std::optional<SessionId> session, Asked& asked) {
    fact.session = session;
    fact.order = ++writes_asked_;
    fact.floor = asked.acked;
    asked.revision = revisions_.size();
    if (fact.text) edits_[*fact.text] = asked.revision;
    revisions_.push_back(std::move(fact));
}

void Model::on_message(const EntryPtr& entry) {
    const Position position{entry->conversation_id, entry->seq};
    const auto [known, is_new] = entries_.try_emplace(position, entry);
    expect(is_new || is_same_message(*known->second, *entry), "two messages at one position " + at(*entry));
    const auto [version, is_new_version] = versions_[position].try_emplace(entry->message.revised, entry);
    expect(is_new_version || version->second == entry || *version->second == *entry, "two texts of one version at " + at(*entry));
    if (!is_new_version) return;
    must_be_durable(*entry);
    check_text(*entry);
    if (!is_new) return;
    const auto& message = entry->message;
    expect(texts_.contains({message.sender, message.client_id}) && entry->actor == message.sender,
           "a message under a wrong name at " + at(*entry));
    expect(message_ids_.try_emplace(message.id, position).second, "a message id used twice at " + at(*entry));
    expect(keys_.try_emplace({entry->conversation_id, message.sender, message.client_id}, entry->seq).second,
           "a client id stored twice: " + message.client_id + " at " + at(*entry));
}

void Model::check_text(const Entry& entry) const {
    const auto& message = entry.message;
    check_policy(entry);
    if (message.deleted) {
        expect(message.text.empty() && message.mentions == Mentions{} && message.revised,
               "a deleted message that still says something at " + at(entry));
    } else if (message.revised) {
        const auto* edit = edit_of(message.text);
        expect(edit && edit->conversation == entry.conversation_id && edit->target == entry.seq,
               "an edit that nobody asked for at " + at(entry));
        expect(edit->actor.user == message.sender, "an edit by somebody else at " + at(entry));
        expect(message.edited_at >= entry.created_at, "edited before it was sent: " + at(entry));
    } else {
        const auto fact = sends_.find(std::string(text_as_sent(message.text)));
        expect(fact != sends_.end(), "a message that nobody sent at " + at(entry));
        expect(fact->second.sender == message.sender && fact->second.client_id == message.client_id,
               "a message under a wrong name at " + at(entry));
        expect(message.edited_at == Time{}, "edited without an edit: " + at(entry));
    }
}

void Model::on_revised(const Asked& asked, const Sent& sent) {
    on_entry(sent.entry);
    const auto& entry = *sent.entry;
    auto& fact = revisions_[asked.revision];
    expect(entry.is_message() && entry.conversation_id == fact.conversation && entry.seq == fact.target,
           "a revision answered with another message: " + at(entry));
    if (fact.text)
        expect(entry.message.text == *fact.text && entry.message.sender == fact.actor.user,
               "an edit answered with another text: " + at(entry));
    else
        expect(entry.message.deleted, "a deletion answered with a message that is there: " + at(entry));
    expect(sent.repeated || entry.message.revised > fact.floor,
           "a revision before one that was acked before it was asked for: " + at(entry));
    check_shown_to(fact.actor.user, entry);
    fact.acked = sent.entry;
    fact.changed = !sent.repeated;
    auto& acked = acked_[entry.conversation_id];
    acked = std::max(acked, entry.message.revised);
    if (!entry.shadow) acked_to_all_[entry.conversation_id] = std::max(acked_to_all_[entry.conversation_id], entry.message.revised);
    auto& versions = acked_versions_[{entry.conversation_id, entry.seq}];
    versions.emplace_back(++revisions_acked_, std::max(entry.message.revised, versions.empty() ? Seq{} : versions.back().second));
}

void Model::check_not_older(const Asked& asked, const Entry& entry) const {
    const auto found = acked_versions_.find({entry.conversation_id, entry.seq});
    if (found == acked_versions_.end()) return;
    for (const auto& [order, revised] : found->second)
        if (order <= asked.acks)
            expect(entry.message.revised >= revised, "history shows a text from before what was acked at " + at(entry));
}

void Model::on_mentions(const ListMentions& request, const MentionPage& page) {
    const auto user = request.actor.user;
    auto last = request.before;
    for (const auto& entry : page.messages) {
        check_shown_to(user, *entry);
        on_entry(entry);
        const auto& message = entry->message;
        expect(message.mentions.names(user) && message.sender != user, "a mention that names somebody else at " + at(*entry));
        expect(!last || message.id < *last, "mentions out of order at " + at(*entry));
        last = message.id;
    }
    expect(page.messages.size() <= request.limit, "more mentions than asked for");
}

}  // namespace madang::sim
