// What is read of one user as a whole: the export of one's own data, page by page, and the audit. The engine says what it serves, a reader
// does the rest behind this turn's append.
#include <algorithm>

#include "chat/engine_state.hpp"
#include "chat/export.hpp"
#include "chat/user_audit.hpp"

namespace madang {
namespace {

constexpr std::size_t kLogsAtOnce = 1'000;

using Part = ExportPlace::Part;

// Fills a page with what comes behind a place, part by part.
class Picker {
  public:
    Picker(const ExportPlace& place, std::size_t room) : place_(place), room_(room) {}

    // `items` by rising ids; `take(item)` puts one on the page. False: the page is full.
    template <typename Items, typename IdOf, typename Take>
    bool pick(Part part, const Items& items, IdOf&& id_of, Take&& take) {
        if (place_.part > part) return true;
        auto last = place_.part == part ? place_.id : 0;
        for (const auto& item : items) {
            const std::uint64_t id = id_of(item);  // 0 = is no part of it
            if (id <= last) continue;
            if (room_ == 0) {
                next_ = ExportPlace{part, last};
                return false;
            }
            take(item);
            --room_;
            last = id;
        }
        return true;
    }
    void go_on_at(const ExportPlace& place) { next_ = place; }
    std::size_t room() const { return room_; }
    const std::optional<ExportPlace>& next() const { return next_; }

  private:
    ExportPlace place_;
    std::size_t room_;
    std::optional<ExportPlace> next_;
};

}  // namespace

void Engine::State::on(const ReplyTo& from, Export&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        const auto place = request.after.value_or(ExportPlace{});
        Picker picker(place, std::clamp(request.limit, 1u, options_.limits.page_items));
        auto picked = std::make_shared<Exported>();
        if (!request.after) {
            picked->account = user.account;
            picked->account->password_hash.clear();
            picked->devices = user.devices;
        }
        const auto relations = user.relations.all();
        const auto rows = user.inbox.conversations();
        const auto friend_id = [](const Relation& each) { return each.state == FriendState::none ? 0 : each.other.value; };
        const auto blocked_id = [](const Relation& each) { return each.blocks ? each.other.value : 0; };
        const auto present_id = [](const UserConversation& each) { return each.left ? 0 : each.conversation_id.value; };
        const auto add_conversation = [&](const UserConversation& row) {
            picked->conversations.push_back(row.conversation_id);
            picked->own.push_back(own_view(user, row.conversation_id, clock_.now()));
        };
        const bool goes_on =
            picker.pick(Part::friends, relations, friend_id, [&](const Relation& each) { picked->friends.push_back(each); }) &&
            picker.pick(Part::blocks, relations, blocked_id, [&](const Relation& each) { picked->blocks.push_back(each); }) &&
            picker.pick(Part::conversations, rows, present_id, add_conversation);
        if (goes_on) {
            const bool is_further = place.part == Part::messages;
            for (const auto& row : rows) {
                if (is_further && row.conversation_id.value < place.id) continue;
                const bool is_first = is_further && row.conversation_id.value == place.id;
                if (picker.room() == 0 || picked->logs.size() == kLogsAtOnce) {
                    picker.go_on_at({Part::messages, row.conversation_id.value, is_first ? place.seq : Seq{1}});
                    break;
                }
                if (picked->logs.empty()) picked->from = is_first ? place.seq : Seq{1};
                picked->logs.push_back(row.conversation_id);
            }
            picked->messages = picker.room();
        }
        picked->next = picker.next();
        Query query{.to = from, .request = request};
        query.exported = std::move(picked);
        effects_.push_back(Read{std::move(query)});
    });
}

void Engine::State::on(const ReplyTo& from, AuditUser&& request) {
    with_user(from, request.user, [this, from, request](UserState& user) {
        auto audited = std::make_shared<Audited>();
        audited->user = user.id;
        audited->tail = user.inbox.tail();
        audited->rows.assign(user.inbox.conversations().begin(), user.inbox.conversations().end());
        Query query{.to = from, .request = request};
        query.audited = std::move(audited);
        effects_.push_back(Read{std::move(query)});
    });
}

}  // namespace madang
