// What one turn of an engine writes: rows, and the fences under which they count. A value; contiguous, so that a message costs no
// allocation per row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"

namespace madang {

// One per kind of row; in RocksDB a column family each. The numbers and names are stored: never reuse one.
enum class Table : std::uint8_t {
    meta = 0,               // padded name → value: format version, key of text digests
    message = 1,            // (conversation, seq) → Entry: the log
    send_key = 2,           // (conversation, sender, client_id) → SendKey
    creation_key = 3,       // (creator, client_id) → ConversationId
    inbox = 4,              // (user, cursor) → InboxItem
    user_conversation = 5,  // (user, conversation) → UserConversation: checkpoint as of a cursor; (user, 0) → that cursor
    conversation = 6,       // (conversation) → Conversation
    member = 7,             // (conversation, user) → Member, also of those who left
    account = 8,            // (user) → Account
    name = 9,               // (slot, folded username) → UserId
    pair = 10,              // (lower user, higher user) → Pair: friends, blocks, direct conversation
    device = 11,            // (user, device) → Device
    journal = 12,           // (conversation, seq) → empty: this entry may not be in every inbox yet
    epoch = 13,             // (slot) → Epoch
    mention = 14,           // (user, message id) → Mention: messages that name the user now
    preference = 15,        // (user, conversation) → Preference: the user's own view of it
    ban = 16,               // (conversation, user) → Ban
    invite = 17,            // (conversation, secret) → Invite
    relation = 18,          // (user, other) → Relation: the user's copy of a pair
    relation_journal = 19,  // (lower user, higher user, version) → RelationChange: not yet in both copies
    commit_index = 20,      // (run, stream, n) → the entries that one turn made: the order of the committed feed
    feed_mark = 21,         // (0, plugin) → FeedMark: how far a plugin has been fed
    plugin_store = 22,      // (0, plugin, key) → value: what a plugin keeps
    push_outbox = 23,       // (user, conversation, seq) → Push: a notification that is still to be handed out
    push_open = 24,         // (user) → Cursor: beyond it, it is not decided yet whether a notification is due
    push_dead = 25,         // (user, conversation, seq) → DeadPush: a notification that was given up
    held = 26,              // (held id) → Held: a message that waits for a reviewer
    receipt = 27,           // (conversation, user) → Receipt: how far a member has got and read
    departure = 28,         // (user) → empty: a deleted account that is not gone from everywhere yet
};
inline constexpr std::size_t kTables = 29;
std::string_view name_of(Table table) noexcept;

// The right to write a slot: handed out by Store::claim, rising. A batch under an older epoch is refused whole.
using Epoch = std::uint64_t;
struct Fence {
    Slot slot = 0;
    Epoch epoch = 0;
};

class Batch {
  public:
    struct Row {
        Table table;
        bool erase;
        std::string_view key;
        std::string_view value;  // empty for an erase
    };

    // Keys and values are copied. Every key begins with an 8-byte big-endian id (see keys.hpp).
    void put(Table table, std::string_view key, std::string_view value) { add(table, false, key, value); }
    void erase(Table table, std::string_view key) { add(table, true, key, {}); }
    void fence(Slot slot, Epoch epoch) { fences_.push_back({slot, epoch}); }
    // Everything of `other`, after what is here: several turns become one append.
    void append(const Batch& other) {
        for (auto row : other.rows_) rows_.push_back((row.key_at += bytes_.size(), row));
        bytes_.append(other.bytes_);
        fences_.insert(fences_.end(), other.fences_.begin(), other.fences_.end());
    }

    bool empty() const { return rows_.empty(); }
    std::size_t size() const { return rows_.size(); }
    std::size_t bytes() const { return bytes_.size(); }
    const std::vector<Fence>& fences() const { return fences_; }
    // Rows in order of adding; a later row of the same key wins. The views live as long as the batch is not changed.
    template <typename Visitor>
    void for_each(Visitor&& visit) const {
        for (const auto& row : rows_) {
            const std::string_view bytes{bytes_};
            visit(
                Row{row.table, row.erase, bytes.substr(row.key_at, row.key_size), bytes.substr(row.key_at + row.key_size, row.value_size)});
        }
    }
    void clear() { bytes_.clear(), rows_.clear(), fences_.clear(); }

  private:
    struct Place {
        Table table;
        bool erase;
        std::uint32_t key_size;
        std::uint32_t value_size;
        std::size_t key_at;
    };

    void add(Table table, bool erase, std::string_view key, std::string_view value) {
        rows_.push_back({table, erase, static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(value.size()), bytes_.size()});
        bytes_.append(key).append(value);
    }

    std::string bytes_;
    std::vector<Place> rows_;
    std::vector<Fence> fences_;
};

}  // namespace madang
