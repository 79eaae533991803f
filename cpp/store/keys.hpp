// Key layout. Every key begins with an 8-byte big-endian id (RocksDB's insert hint takes that prefix), so rows of one user or conversation
// lie together and in order. Changing this file changes the disk: raise kFormatVersion and write a migration.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "model/admission.hpp"
#include "model/push.hpp"

namespace madang {

inline constexpr std::uint32_t kFormatVersion = 1;

// A key of up to two ids; on the stack, converts to a view.
class Key {
  public:
    explicit Key(std::uint64_t first) : size_(8) { put(0, first); }
    Key(std::uint64_t first, std::uint64_t second) : size_(16) { put(0, first), put(8, second); }
    operator std::string_view() const { return {bytes_.data(), size_}; }  // NOLINT(google-explicit-constructor): the point of the class

  private:
    void put(std::size_t at, std::uint64_t value) {
        for (int i = 7; i >= 0; --i, value >>= 8) bytes_[at + static_cast<std::size_t>(i)] = static_cast<char>(value & 0xFF);
    }
    std::array<char, 16> bytes_;
    std::size_t size_;
};

// The 8 bytes at `at` as a number; the key must be long enough.
std::uint64_t id_in(std::string_view key, std::size_t at = 0);

inline Key message_key(ConversationId conversation, Seq seq) { return {conversation.value, seq.value}; }
inline Key journal_key(ConversationId conversation, Seq seq) { return {conversation.value, seq.value}; }
inline Key conversation_key(ConversationId conversation) { return Key{conversation.value}; }
inline Key member_key(ConversationId conversation, UserId user) { return {conversation.value, user.value}; }
inline Key receipt_key(ConversationId conversation, UserId user) { return {conversation.value, user.value}; }
inline Key ban_key(ConversationId conversation, UserId user) { return {conversation.value, user.value}; }
std::string invite_key(ConversationId conversation, const InviteSecret& secret);
InviteSecret secret_in(std::string_view invite_key);
inline Key inbox_key(UserId user, Cursor cursor) { return {user.value, cursor.value}; }
inline Key user_conversation_key(UserId user, ConversationId conversation) { return {user.value, conversation.value}; }
inline Key preference_key(UserId user, ConversationId conversation) { return {user.value, conversation.value}; }
inline Key account_key(UserId user) { return Key{user.value}; }
inline Key departure_key(UserId user) { return Key{user.value}; }
inline Key device_key(UserId user, DeviceId device) { return {user.value, device.value}; }
inline Key held_key(HeldId held) { return Key{held.value}; }
inline Key mention_key(UserId user, MessageId message) { return {user.value, message.value}; }
inline Key epoch_key(Slot slot) { return Key{slot}; }
inline Key relation_key(UserId user, UserId other) { return {user.value, other.value}; }
Key pair_key(UserId a, UserId b);  // order of the two does not matter, here and in the next
std::string relation_journal_key(UserId a, UserId b, std::uint64_t version);
std::string push_key(const PushKey& push);  // also of one that was given up
PushKey push_in(std::string_view push_key);
inline Key push_open_key(UserId user) { return Key{user.value}; }
std::string name_key(std::string_view folded_username);
std::string send_key(ConversationId conversation, UserId sender, std::string_view client_id);
std::string creation_key(UserId creator, std::string_view client_id);
std::string meta_key(std::string_view name);

}  // namespace madang
