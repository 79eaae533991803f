// What the model knows of plugins' verdicts: what may be stored and who may see it, what waits for review and what became of it.
#include <algorithm>

#include "check.hpp"
#include "model.hpp"
#include "policy.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang::sim {
void Model::check_shown_to(UserId user, const Entry& entry) {
    const auto* message = entry.shown_message();
    expect(entry.is_shown_to(user) && (!message || message->is_shown_to(user)),
           "user " + to_string(user) + " is shown what is shadowed at " + at(entry));
}

bool Model::was_release_asked(const Message& message) const {
    return std::ranges::any_of(held_, [&](const auto& each) {
        return each.second.release_asked && each.second.sender == message.sender && each.second.client_id == message.client_id;
    });
}

// Of a plugin whose failure counts as a denial nothing gets past unseen, and of one whose failure keeps a message for review nothing that
// it would set aside.
void Model::check_policy(const Entry& entry) const {
    const auto& message = entry.message;
    const auto& stored = message.text;
    const auto edited = message.edited_at != Time{};
    if (message.deleted) return;
    const auto& checks = context_.plan.checks;
    auto may_be_shadowed = edited, must_be_set_aside = false;
    for (std::uint32_t stage = 0; stage < checks.size(); ++stage) {
        if (checks[stage].observe) continue;
        const auto mood = opinion(stage, stored);
        if (mood == Verdict::Kind::shadow && !must_be_set_aside) may_be_shadowed = true;
        if (checks[stage].on_error == OnError::allow) continue;
        if (sets_aside(mood)) must_be_set_aside = true;
        if (edited) expect(!sets_aside(mood), "an edit to what a plugin sets aside: " + stored);
        if (checks[stage].on_error != OnError::deny) continue;
        expect(mood != Verdict::Kind::deny, "a message that a plugin denies: " + stored);
        const auto must_change = mood == Verdict::Kind::modify;
        expect(edited || !must_change || stored.ends_with(kModified), "a message that a plugin changes, unchanged: " + stored);
    }
    const auto may_change = !checks.empty() && !checks[0].observe && opinion(0, stored) == Verdict::Kind::modify;
    expect(may_change || !stored.ends_with(kModified), "a message changed without a plugin: " + stored);
    if (entry.shadow) return expect(may_be_shadowed, "a message shadowed without a plugin: " + stored);
    expect(edited || !must_be_set_aside || was_release_asked(message),
           "a message that a plugin sets aside, and nobody released it: " + stored);
}

Model::HeldFact& Model::note_held(HeldId id, UserId sender, const std::string& client_id) {
    auto& fact = held_[id];
    expect(!fact.sender || (fact.sender == sender && fact.client_id == client_id), "two messages under one held id " + to_string(id));
    fact.sender = sender, fact.client_id = client_id;
    return fact;
}

void Model::on_held(const Asked& asked, const Send& send, const Held& held) {
    const auto bytes = disk_.get(Table::held, held_key(held.id));
    expect(bytes && *bytes, "held, and not on disk: " + send.text);
    const auto row = decode_held(held.id, **bytes);
    expect(row && row->sender == send.actor.user && row->client_id == send.client_id && held.client_id == send.client_id,
           "held under a wrong name: " + send.text);
    expect(row->reason == held.reason, "held for another reason: " + send.text);
    note_held(held.id, send.actor.user, send.client_id);
    auto& fact = sends_.at(send.text);
    expect(!asked.done, "held, and it was stored before: " + send.text);
    expect(!fact.held || fact.held == held.id || held_.at(fact.held).refuse_asked, "held twice: " + send.text);
    fact.held = held.id;
    const auto& checks = context_.plan.checks;
    auto may_be_held = false;
    for (std::uint32_t stage = 0; stage < checks.size(); ++stage)
        may_be_held |=
            !checks[stage].observe && (opinion(stage, send.text) == Verdict::Kind::hold || checks[stage].on_error == OnError::hold);
    expect(may_be_held, "held without a plugin: " + send.text);
}

void Model::on_held_page(const Asked& asked, const ListHeld& request, const HeldPage& page) {
    auto last = request.after.value_or(HeldId{});
    for (const auto& held : page.held) {
        expect(held.id > last, "what waits for review is out of order");
        expect(held.state == HeldMessage::State::waiting && !held.text.empty(), "in the list, and it does not wait for review");
        expect(texts_.contains({held.sender, held.client_id}) &&
                   texts_of(held.sender, held.client_id).contains(std::string(text_as_sent(held.text))),
               "a held message that nobody sent: " + held.text);
        const auto& fact = note_held(held.id, held.sender, held.client_id);
        expect(fact.decided == 0 || fact.decided > asked.reviews, "in the list, and it was decided before: " + held.text);
        last = held.id;
    }
    expect(page.held.size() <= request.limit && (!page.next || page.next == last), "a page of held messages that ends elsewhere");
}

void Model::on_reviewed(const Review& review, const Reviewed& reviewed) {
    auto& fact = held_.at(review.held);
    expect(reviewed.held == review.held && static_cast<bool>(reviewed.message) == review.release, "a review answered otherwise");
    expect(review.release ? !fact.refused : !fact.released, "decided both ways: " + fact.client_id);
    if (fact.decided == 0) fact.decided = ++reviews_acked_;
    if (!review.release) return void(fact.refused = true);
    const auto& entry = *reviewed.message;
    on_entry(reviewed.message);
    expect(entry.is_message() && !entry.shadow && entry.message.sender == fact.sender && entry.message.client_id == fact.client_id,
           "released as another message: " + at(entry));
    expect(!fact.released || is_same_message(*fact.released, entry), "released twice: " + at(entry));
    fact.released = reviewed.message;
}

void Model::check_review(const Review& review, const Error& error) const {
    const auto& fact = held_.at(review.held);
    if (error.code == Code::not_found) {
        const auto otherwise = review.release ? fact.refuse_asked : fact.release_asked;
        return expect(!fact.sender || otherwise || may_be_deleted(fact.sender), "what waits for review is not found");
    }
    const auto legal = {Code::not_a_member, Code::muted, Code::blocked};
    expect(review.release && std::ranges::find(legal, error.code) != legal.end(),
           "a review is refused without a cause: " + std::string(name_of(error.code)));
}

}  // namespace madang::sim
