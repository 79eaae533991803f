// Rows as tests want them: written and read in one expression.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "store/store.hpp"

namespace madang::test {

using Rows = std::vector<std::pair<std::string, std::string>>;

inline Batch put(Table table, std::string_view key, std::string_view value) {
    Batch batch;
    batch.put(table, key, value);
    return batch;
}

inline std::optional<std::string> value_at(const Store& store, Table table, std::string_view key) {
    auto found = store.get(table, key);
    EXPECT_TRUE(found) << found.error().detail;
    return found ? *found : std::nullopt;
}

inline Rows rows_in(const Store& store, Table table, std::string_view from, std::string_view to, Order order = Order::ascending) {
    Rows rows;
    const auto scanned = store.scan(table, from, to, order, [&](std::string_view key, std::string_view value) {
        rows.emplace_back(key, value);
        return true;
    });
    EXPECT_TRUE(scanned) << scanned.error().detail;
    return rows;
}

}  // namespace madang::test
