// The plugins of a simulated world: what they think of a text follows from the text alone, so the checks know it too. That they may fail,
// be late or silent is the world's doing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "hooks/verdict.hpp"

namespace madang::sim {

inline constexpr std::string_view kModified = " (put right)";

// The text as its sender has sent it.
inline std::string_view text_as_sent(std::string_view stored) {
    return stored.ends_with(kModified) ? stored.substr(0, stored.size() - kModified.size()) : stored;
}

// What the plugin of this stage says when it is well.
inline Verdict::Kind opinion(std::uint32_t stage, std::string_view text) {
    const auto mood = stable_hash(text_as_sent(text)) >> (16 + 8 * stage) & 15;
    if (mood == 0) return Verdict::Kind::deny;
    if (mood == 2) return Verdict::Kind::hold;
    if (mood == 3) return Verdict::Kind::shadow;
    return stage == 0 && mood == 1 ? Verdict::Kind::modify : Verdict::Kind::allow;
}

// Held or shadowed, if it is a message; denied, if it is an edit.
inline bool sets_aside(Verdict::Kind kind) { return kind == Verdict::Kind::hold || kind == Verdict::Kind::shadow; }

inline Verdict verdict_on(const CheckCall& call) {
    auto kind = opinion(call.stage, call.text);
    if (call.edit && kind == Verdict::Kind::modify) kind = Verdict::Kind::allow;
    if (kind == Verdict::Kind::deny) return {kind, "no"};
    if (kind == Verdict::Kind::hold) return {kind, "perhaps"};
    return {kind, kind == Verdict::Kind::modify ? call.text + std::string(kModified) : std::string{}};
}

}  // namespace madang::sim
