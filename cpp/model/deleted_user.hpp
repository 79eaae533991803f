// What is shown of an account that was deleted: a name that says so, and nothing that says who it was. No account is given this name before
// it is deleted, for nobody can choose their id.
// Thread: any.
#pragma once

#include "model/user.hpp"

namespace madang {

inline constexpr std::string_view kDeletedPrefix = "deleted-";

inline Profile deleted_profile(UserId id, Time created_at) {
    return {.id = id, .username = std::string(kDeletedPrefix) + to_string(id), .display_name = {}, .created_at = created_at};
}

inline bool is_deleted(const Profile& profile) {
    return profile.username.starts_with(kDeletedPrefix) && profile.username == deleted_profile(profile.id, {}).username;
}

}  // namespace madang
