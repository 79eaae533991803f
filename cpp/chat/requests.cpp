#include "chat/requests.hpp"

#include "base/text.hpp"

namespace madang {
namespace {

Slot slot_of_username(const std::string& username) {
    const auto folded = fold_username(username);
    return slot_of_name(folded ? *folded : username);  // a bad name is refused by whatever engine gets it
}

struct SlotOf {
    Slot operator()(const SignUp& r) const { return slot_of_username(r.username); }
    Slot operator()(const FindAccount& r) const { return slot_of_username(r.username); }
    Slot operator()(const OpenSession& r) const { return slot_of(r.user); }
    Slot operator()(const Authenticate& r) const { return slot_of(r.user); }
    Slot operator()(const GetAccount& r) const { return slot_of(r.user); }
    Slot operator()(const DisableAccount& r) const { return slot_of(r.user); }
    Slot operator()(const AuditUser& r) const { return slot_of(r.user); }
    Slot operator()(const Attach& r) const { return slot_of(r.user); }
    Slot operator()(const Detach& r) const { return slot_of(r.user); }
    Slot operator()(const EndPoll& r) const { return slot_of(r.user); }
    Slot operator()(const Drained& r) const { return slot_of(r.user); }
    Slot operator()(const GetConversation& r) const { return slot_of(r.actor.user); }
    Slot operator()(const MarkRead& r) const { return slot_of(r.actor.user); }
    Slot operator()(const UpdateView& r) const { return slot_of(r.actor.user); }
    Slot operator()(const Watch& r) const { return slot_of(r.actor.user); }
    Slot operator()(const Review& r) const { return slot_of(r.held); }
    Slot operator()(const ChangeRelation& r) const { return slot_of_pair(r.actor.user, r.user); }
    Slot operator()(const CreateDirect& r) const { return slot_of_pair(r.actor.user, r.peer); }
    // With a client id the place follows from it, or a repeat would look elsewhere.
    Slot operator()(const CreateGroup& r) const {
        if (r.client_id.empty()) return r.slot;
        return static_cast<Slot>(stable_hash(to_string(r.actor.user) + '/' + r.client_id) & (kSlots - 1));
    }
    Slot operator()(const Send& r) const { return r.peer ? slot_of_pair(r.actor.user, r.peer) : slot_of(r.conversation); }
    template <typename Other>
    Slot operator()(const Other& r) const {
        if constexpr (requires { r.conversation; })
            return slot_of(r.conversation);
        else
            return slot_of(r.actor.user);
    }
};

}  // namespace

Slot slot_of(const Request& request) { return std::visit(SlotOf{}, request); }

std::string_view word_of(AuditDifference::What what) {
    using What = AuditDifference::What;
    switch (what) {
        case What::membership: return "membership";
        case What::marker: return "marker";
        case What::unread: return "unread";
        case What::unread_mentions: return "unread_mentions";
        case What::mention: return "mention";
        case What::stored_marker: return "stored_marker";
        case What::stored_unread: return "stored_unread";
        case What::stored_unread_mentions: return "stored_unread_mentions";
    }
    return "unread";
}

}  // namespace madang
