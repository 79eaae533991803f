#include "chat/mentions.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace madang {
namespace {

constexpr std::string_view kAll = "all";
constexpr std::size_t kNameBytesMax = 1'024;  // of a run that is folded: far above 32 decomposed letters

bool is_trailing(char c) { return c == '.' || c == '-'; }

}  // namespace

void MemberNames::make(std::span<const Member> members) {
    if (is_made_) return;
    is_made_ = true;
    bytes_max_ = kAll.size();
    for (const auto& member : members) {
        if (!member.present()) continue;
        auto name = fold_name(member.user.username);
        bytes_max_ = std::max(bytes_max_, name.size());
        names_.emplace(std::move(name), member.user.id);
    }
}

std::optional<UserId> MemberNames::find(std::span<const Member> members, std::string_view folded) {
    make(members);
    const auto found = names_.find(folded);
    return found == names_.end() ? std::nullopt : std::optional(found->second);
}

std::size_t MemberNames::bytes_max(std::span<const Member> members) {
    make(members);
    return bytes_max_;
}

Mentions find_mentions(std::string_view text, MemberNames& names, std::span<const Member> members, bool may_name_all) {
    Mentions mentions;
    std::size_t looked_up = 0;
    for (auto at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
        if (ends_in_word(text.substr(0, at))) continue;
        auto run = leading_name(text.substr(at + 1));
        while (run.size() > kNameBytesMax && is_trailing(run.back())) run.remove_suffix(1);
        if (run.empty() || run.size() > kNameBytesMax) continue;
        if (++looked_up > kMentionsLookedUp) break;
        const auto folded = fold_name(run);
        for (std::string_view name = folded; !name.empty(); name.remove_suffix(1)) {
            const auto user = name.size() <= names.bytes_max(members) ? names.find(members, name) : std::nullopt;
            if (user && std::ranges::find(mentions.users, *user) == mentions.users.end()) mentions.users.push_back(*user);
            if (name == kAll) mentions.all = mentions.all || may_name_all;
            if (user || name == kAll || !is_trailing(name.back())) break;
        }
    }
    return mentions;
}

}  // namespace madang
