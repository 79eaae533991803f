// Who is named in a text: `@` and a username, after the start or a character that is no part of a word (decision 12 of the protocol). The
// longest run of name characters counts; its trailing dots and hyphens are dropped until a member matches.
//
// Owner and thread: a conversation's. Limits: the first kMentionsLookedUp `@` of a text that stand before a name are looked up, the rest
// are text.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/conversation.hpp"
#include "model/entry.hpp"

namespace madang {

inline constexpr std::size_t kMentionsLookedUp = 1'000;

// The present members by their folded names. Made when it is first asked, so a conversation in which nobody is named has none.
class MemberNames {
  public:
    // None = no present member has this name (folded, whole).
    std::optional<UserId> find(std::span<const Member> members, std::string_view folded);
    std::size_t bytes_max(std::span<const Member> members);  // of the longest name
    // Somebody has come or gone.
    void forget() { names_.clear(), is_made_ = false; }

  private:
    void make(std::span<const Member> members);

    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
    };
    std::unordered_map<std::string, UserId, Hash, std::equal_to<>> names_;
    std::size_t bytes_max_ = 0;
    bool is_made_ = false;
};

// `may_name_all`: does `@all` count?
Mentions find_mentions(std::string_view text, MemberNames& names, std::span<const Member> members, bool may_name_all);

}  // namespace madang
