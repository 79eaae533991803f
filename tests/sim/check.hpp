// How the checker says what it has found.
#pragma once

#include <string>

#include "trace.hpp"

namespace madang::sim {

inline void expect(bool holds, const char* otherwise) {
    if (!holds) throw Violation(otherwise);
}
inline void expect(bool holds, const std::string& otherwise) {
    if (!holds) throw Violation(otherwise);
}

}  // namespace madang::sim
