#include "store/keys.hpp"

#include <algorithm>
#include <cstring>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace madang {
namespace {

std::string joined(std::string_view ids, std::string_view text) {
    std::string key;
    key.reserve(ids.size() + text.size());
    return key.append(ids).append(text);
}

}  // namespace

std::uint64_t id_in(std::string_view key, std::size_t at) {
    MADANG_ASSERT(key.size() >= at + 8);
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + 8; ++i) value = value << 8 | static_cast<unsigned char>(key[i]);
    return value;
}

Key pair_key(UserId a, UserId b) {
    const auto [low, high] = std::minmax(a, b);
    return {low.value, high.value};
}

std::string relation_journal_key(UserId a, UserId b, std::uint64_t version) { return joined(pair_key(a, b), Key{version}); }

std::string push_key(const PushKey& push) { return joined(Key{push.user.value, push.conversation.value}, Key{push.seq.value}); }

PushKey push_in(std::string_view push_key) {
    return {UserId{id_in(push_key)}, ConversationId{id_in(push_key, 8)}, Seq{id_in(push_key, 16)}};
}

std::string name_key(std::string_view folded_username) { return joined(Key{slot_of_name(folded_username)}, folded_username); }

std::string send_key(ConversationId conversation, UserId sender, std::string_view client_id) {
    return joined(Key{conversation.value, sender.value}, client_id);
}

std::string invite_key(ConversationId conversation, const InviteSecret& secret) {
    return joined(Key{conversation.value}, {reinterpret_cast<const char*>(secret.data()), secret.size()});
}

InviteSecret secret_in(std::string_view invite_key) {
    InviteSecret secret;
    MADANG_ASSERT(invite_key.size() == 8 + secret.size());
    std::memcpy(secret.data(), invite_key.data() + 8, secret.size());
    return secret;
}

std::string creation_key(UserId creator, std::string_view client_id) { return joined(Key{creator.value}, client_id); }

std::string meta_key(std::string_view name) { return joined(Key{0}, name); }

}  // namespace madang
