#include "chat/user_audit.hpp"

#include <map>

#include "chat/loads.hpp"
#include "chat/stored.hpp"

namespace madang {
namespace {

class UserAudit {
  public:
    UserAudit(const Store& store, const Limits& limits, const Audited& served) : store_(store), limits_(limits), served_(served) {
        report_.user = served.user;
    }

    Result<AuditReport> page(std::optional<ConversationId> after) {
        if (!after) {
            if (auto checked = check_markers(); !checked) return std::unexpected(checked.error());
            if (auto checked = check_stored(); !checked) return std::unexpected(checked.error());
            if (auto checked = check_listed_mentions(); !checked) return std::unexpected(checked.error());
        }
        for (const auto& row : served_.rows) {
            if (after && row.conversation_id <= *after) continue;
            if (report_.entries >= kAuditEntries) {
                report_.next = last_;
                break;
            }
            if (auto checked = check(row); !checked) return std::unexpected(checked.error());
            last_ = row.conversation_id;
            ++report_.conversations;
            report_.unread += row.unread;
            report_.unread_mentions += row.unread_mentions;
        }
        return std::move(report_);
    }

  private:
    void compare(ConversationId conversation, Seq seq, AuditDifference::What what, std::uint64_t served, std::uint64_t counted) {
        if (served != counted) report_.differences.push_back({conversation, seq, what, served, counted});
    }

    const UserConversation* row_of(ConversationId conversation) const {
        const auto at = std::ranges::lower_bound(served_.rows, conversation, {}, &UserConversation::conversation_id);
        return at == served_.rows.end() || at->conversation_id != conversation ? nullptr : &*at;
    }

    // A marker is the inbox's newest item about it. Items that the inbox no longer keeps can't say anything.
    Result<> check_markers() {
        std::map<ConversationId, Seq> markers;
        Cursor first;
        const auto read = each_row(store_, Table::inbox, inbox_key(served_.user, Cursor{1}), inbox_key(served_.user, next(served_.tail)),
                                   Order::ascending, [&](auto key, auto value) -> Result<bool> {
                                       if (!first) first = Cursor{id_in(key, 8)};
                                       const auto item = decode_inbox_item(value);
                                       if (!item) return std::unexpected(item.error());
                                       if (item->type == EntryType::read_updated) markers[item->conversation_id] = item->seq;
                                       return true;
                                   });
        if (!read) return read;
        const bool is_whole = !first || first == Cursor{1};
        for (const auto& row : served_.rows)
            if (const auto found = markers.find(row.conversation_id); found != markers.end() || is_whole)
                compare(row.conversation_id, {}, AuditDifference::What::marker, row.read_seq.value,
                        found == markers.end() ? 0 : found->second.value);
        return {};
    }

    // What a restart would serve. While the inbox moves on there is nothing to compare with.
    Result<> check_stored() {
        const auto loaded = std::get<LoadedUser>(load(store_, limits_, 0, 1, LoadUser{served_.user}));
        if (!loaded.state) return std::unexpected(loaded.state.error());
        if (!*loaded.state || (*loaded.state)->tail != served_.tail) return {};
        for (const auto& stored : (*loaded.state)->conversations) {
            const auto* row = row_of(stored.conversation_id);
            const auto id = stored.conversation_id;
            using What = AuditDifference::What;
            compare(id, {}, What::stored_marker, row ? row->read_seq.value : 0, stored.read_seq.value);
            compare(id, {}, What::stored_unread, row ? row->unread : 0, stored.unread);
            compare(id, {}, What::stored_unread_mentions, row ? row->unread_mentions : 0, stored.unread_mentions);
        }
        return {};
    }

    // Every row of the table leads to a message of that id which names the user.
    Result<> check_listed_mentions() {
        return each_row(store_, Table::mention, first_of(served_.user.value), end_of(served_.user.value), Order::ascending,
                        [&](auto key, auto value) -> Result<bool> {
                            const auto mention = decode_mention(value);
                            if (!mention) return std::unexpected(mention.error());
                            ++report_.mentions;
                            const auto id = mention->conversation_id;
                            const auto bytes = store_.get(Table::message, message_key(id, mention->seq));
                            if (!bytes) return std::unexpected(bytes.error());
                            const auto entry = *bytes ? decode_entry(id, mention->seq, **bytes) : Result<EntryPtr>(nullptr);
                            if (!entry) return std::unexpected(entry.error());
                            // Of one that was edited the conversation's own check says more.
                            const auto is_it = *entry && (*entry)->is_message() && (*entry)->message.id.value == id_in(key, 8) &&
                                               ((*entry)->message.revised || (*entry)->message.mentions.names(served_.user));
                            compare(id, mention->seq, AuditDifference::What::mention, 1, is_it ? 1 : 0);
                            return true;
                        });
    }

    // ---- one conversation
    struct Shown {  // a message as of the newest entry that the inbox has
        MessageId id;
        bool counts = false;      // may be unread
        bool deleted = false;     // for everybody
        bool named = false;       // for everybody
        bool is_listed = false;   // names the user as far as the user was told
        bool is_revised = false;  // a revision of it was met already
    };

    Result<> check(const UserConversation& row) {
        const auto id = row.conversation_id;
        if (!row.last_seq) return {};  // a marker, and the entries are still on their way
        const auto member = read_member(store_, id, served_.user);
        if (!member) return std::unexpected(member.error());
        if (!*member) {
            compare(id, {}, AuditDifference::What::membership, 1, 0);
            return {};
        }
        const auto* stay = (*member)->stay_at(row.last_seq);
        compare(id, row.last_seq, AuditDifference::What::membership, row.left ? 0 : 1, stay && stay->left != row.last_seq ? 1 : 0);
        std::uint64_t unread = 0, mentions = 0;
        const auto add = [&](const Shown& shown) {
            if (!shown.counts || shown.deleted) return;
            ++unread;
            mentions += shown.named ? 1 : 0;
        };
        const auto unread_from = !stay || row.left ? Seq{~std::uint64_t{0}} : std::max(next(row.read_seq), stay->joined);
        std::map<Seq, Shown> revised;  // those that were edited or deleted at some time
        const auto read =
            each_row(store_, Table::message, message_key(id, (*member)->stays.front().joined), end_of(id.value), Order::ascending,
                     [&](auto key, auto value) -> Result<bool> {
                         const Seq seq{id_in(key, 8)};
                         if (seq > row.last_seq && revised.empty()) return false;
                         ++report_.entries;
                         const auto entry = decode_entry(id, seq, value);
                         if (!entry) return std::unexpected(entry.error());
                         if ((*entry)->is_revision()) revise(**member, **entry, row.last_seq, revised);
                         if (!(*entry)->is_message() || (*entry)->shadow || seq > row.last_seq) return true;
                         const auto& message = (*entry)->message;
                         if (message.sender == served_.user || !(*member)->addressed(seq)) return true;
                         Shown shown{.id = message.id, .counts = seq >= unread_from, .named = message.mentions.names(served_.user)};
                         if (message.revised) {
                             revised[seq] = shown;
                             return true;
                         }
                         add(shown);
                         return shown.named ? check_mention(id, seq, message.id, true) : Result<bool>(true);
                     });
        if (!read) return read;
        for (const auto& [seq, shown] : revised) {
            add(shown);
            if (const auto checked = check_mention(id, seq, shown.id, shown.is_listed); !checked) return std::unexpected(checked.error());
        }
        compare(id, {}, AuditDifference::What::unread, row.unread, unread);
        compare(id, {}, AuditDifference::What::unread_mentions, row.unread_mentions, mentions);
        return {};
    }

    // The row shows the message's present; its first revision says whom it named before that.
    void revise(const Member& member, const Entry& entry, Seq as_of, std::map<Seq, Shown>& revised) const {
        const auto& revision = *entry.revision;
        const auto found = revised.find(revision.target);
        if (found == revised.end()) return;
        auto& shown = found->second;
        if (!std::exchange(shown.is_revised, true)) shown.named = shown.is_listed = revision.before.names(served_.user);
        if (entry.seq > as_of) return;
        shown.named = revision.after.names(served_.user);
        shown.deleted = shown.deleted || entry.type == EntryType::message_deleted;
        if (is_addressed(member, entry)) shown.is_listed = shown.named;
    }

    Result<bool> check_mention(ConversationId conversation, Seq seq, MessageId message, bool counted) {
        const auto bytes = store_.get(Table::mention, mention_key(served_.user, message));
        if (!bytes) return std::unexpected(bytes.error());
        compare(conversation, seq, AuditDifference::What::mention, *bytes ? 1 : 0, counted ? 1 : 0);
        return true;
    }

    const Store& store_;
    const Limits& limits_;
    const Audited& served_;
    AuditReport report_;
    ConversationId last_;
};

}  // namespace

Result<AuditReport> audit(const Store& store, const Limits& limits, const Audited& served, std::optional<ConversationId> after) {
    return UserAudit(store, limits, served).page(after);
}

}  // namespace madang
