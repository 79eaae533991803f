// How the checker says what it has found.
#pragma once

#include <string>

#include "model/entry.hpp"
#include "trace.hpp"

namespace madang::sim {

inline void expect(bool holds, const char* otherwise) {
    if (!holds) throw Violation(otherwise);
}
inline void expect(bool holds, const std::string& otherwise) {
    if (!holds) throw Violation(otherwise);
}

// A place in a log, as the checker names it.
inline std::string at(ConversationId conversation, Seq seq) { return "(" + to_string(conversation) + ", " + to_string(seq) + ")"; }
inline std::string at(const Entry& entry) { return at(entry.conversation_id, entry.seq); }

}  // namespace madang::sim
