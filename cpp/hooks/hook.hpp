// Which hooks a plugin may have, and how one of them is used. A hook more: an enumerator, its name, and a lane in python/madang/plugins.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "hooks/verdict.hpp"

namespace madang {

enum class Hook : std::uint8_t { authenticate, check, push, committed };

// As configuration, Python and figures spell them, in the order of the enumerators.
inline constexpr std::array<std::string_view, 4> kHookNames{"authenticate", "check", "push", "committed"};
inline constexpr std::size_t kHooks = kHookNames.size();

inline std::string_view name_of(Hook hook) { return kHookNames[static_cast<std::size_t>(hook)]; }

inline std::optional<Hook> hook_named(std::string_view name) {
    const auto found = std::ranges::find(kHookNames, name);
    return found == kHookNames.end() ? std::nullopt : std::optional(static_cast<Hook>(found - kHookNames.begin()));
}

// How one plugin's hook is used; of a `check` all of it counts, of the others the timeout.
using HookRule = CheckRule;

}  // namespace madang
