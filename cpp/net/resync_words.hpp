// A resync as the wire names it.
#pragma once

#include "chat/requests.hpp"
#include "wire/answers.hpp"

namespace madang::net {

inline wire::ResyncHint hint_of(const ResyncRequired& why) {
    switch (why.reason) {
        case ResyncReason::trimmed: return {"trimmed", why.cursor};
        case ResyncReason::ahead: return {"ahead", why.cursor};
        case ResyncReason::restored: return {"restored", why.cursor};
    }
    MADANG_ASSERT(false);
    return {};
}

}  // namespace madang::net
