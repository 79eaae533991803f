// Where an export goes on, as text for `next`: part, id and seq, parted by `-`. Opaque to clients. Values, any thread.
#pragma once

#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "chat/requests.hpp"

namespace madang::net {

inline constexpr std::array<std::string_view, 4> kExportParts{"friends", "blocks", "conversations", "messages"};

inline std::string encode_export_place(const ExportPlace& place) {
    return std::string(kExportParts[static_cast<std::size_t>(place.part)]) + '-' + std::to_string(place.id) + '-' + to_string(place.seq);
}

// Empty on anything that encode_export_place can't have made.
inline std::optional<ExportPlace> parse_export_place(std::string_view text) {
    for (std::size_t part = 0; part < kExportParts.size(); ++part) {
        if (!text.starts_with(kExportParts[part])) continue;
        ExportPlace place{.part = static_cast<ExportPlace::Part>(part)};
        const auto* at = text.data() + kExportParts[part].size();
        const auto* const end = text.data() + text.size();
        for (auto* value : {&place.id, &place.seq.value}) {
            if (at == end || *at != '-') return std::nullopt;
            const auto [behind, error] = std::from_chars(at + 1, end, *value);
            if (error != std::errc{}) return std::nullopt;
            at = behind;
        }
        return at == end ? std::optional(place) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace madang::net
