#include "walk.hpp"

#include "check.hpp"

namespace madang::sim {

Walk::Walk(Context& context, Network& network, const Person& person)
    : context_(context), network_(network), actor_{person.id, DeviceId{1}} {
    todo_.push_back(ListConversations{actor_, some(), std::nullopt});
    todo_.push_back(ListMentions{actor_, some(), std::nullopt});
    todo_.push_back(AuditUser{actor_.user, std::nullopt});
    step();
}

std::uint32_t Walk::some() { return static_cast<std::uint32_t>(context_.dice.between(1, 20)); }

void Walk::step() {
    if (todo_.empty()) {
        is_done_ = true;
        return;
    }
    auto request = std::move(todo_.front());
    todo_.pop_front();
    network_.http(request, [this, request](std::optional<Result<Response>> answer) {
        expect(answer.has_value(), "a question at rest is not answered");
        if (*answer)
            on_answer(request, **answer);
        else if (answer->error().code == Code::unavailable)
            todo_.push_front(request);
        else
            expect(answer->error().code == Code::forbidden && std::holds_alternative<ListMembers>(request),
                   "a question at rest is refused: " + answer->error().detail);
        step();
    });
}

void Walk::on_answer(const Request& request, const Response& response) {
    if (const auto* page = std::get_if<ConversationPage>(&response)) {
        unread_total_ = page->unread_total;
        for (const auto& view : page->conversations) {
            const auto id = view.conversation.id;
            list_.push_back(view);
            todo_.push_back(GetConversation{actor_, id});
            todo_.push_back(ListMembers{actor_, id, some(), std::nullopt});
            todo_.push_back(History{actor_, id, {}, {}, {}, some()});
        }
        if (page->next) todo_.push_front(ListConversations{actor_, some(), page->next});
    } else if (const auto* mentions = std::get_if<MentionPage>(&response)) {
        mentions_.insert(mentions_.end(), mentions->messages.begin(), mentions->messages.end());
        if (mentions->next) todo_.push_front(ListMentions{actor_, some(), mentions->next});
    } else if (const auto* view = std::get_if<ConversationView>(&response)) {
        places_[view->conversation.id].view = *view;
    } else if (const auto* members = std::get_if<MemberPage>(&response)) {
        const auto id = std::get<ListMembers>(request).conversation;
        auto& all = places_[id].members;
        all.insert(all.end(), members->members.begin(), members->members.end());
        if (members->next) todo_.push_front(ListMembers{actor_, id, some(), members->next});
    } else if (const auto* report = std::get_if<AuditReport>(&response)) {
        if (report->next) todo_.push_front(AuditUser{actor_.user, report->next});
    } else if (const auto* history = std::get_if<HistoryPage>(&response)) {
        const auto id = std::get<History>(request).conversation;
        auto& all = places_[id].history;
        std::vector<Seq> page_seqs;
        for (const auto& entry : history->messages) page_seqs.push_back(entry->seq);
        all.insert(all.begin(), page_seqs.begin(), page_seqs.end());
        expect(!history->has_more_before || !page_seqs.empty(), "history with more to come and no message");
        if (history->has_more_before) todo_.push_front(History{actor_, id, all.front(), {}, {}, some()});
    }
}

}  // namespace madang::sim
