// The store of a run: survives crashes of the process. The memory store, with its space under the plan's control.
#pragma once

#include <functional>

#include "store/memory_store.hpp"
#include "store/store.hpp"

namespace madang::sim {

class Disk final : public Store {
  public:
    Result<Epoch> claim(Slot slot) override { return store_.claim(slot); }
    Result<Epoch> claim_all() override { return store_.claim_all(); }
    Outcome append(const Batch& batch) override {
        const auto outcome = store_.append(batch);
        if (outcome == Outcome::durable && on_append_) on_append_(batch);
        return outcome;
    }
    void set_on_append(std::function<void(const Batch&)> on_append) { on_append_ = std::move(on_append); }
    Result<std::optional<std::string>> get(Table table, std::string_view key) const override {
        if (!is_readable_) return fail(Code::internal, "this read fails");
        return store_.get(table, key);
    }
    Result<> scan(Table table, std::string_view from, std::string_view to, Order order, const Visitor& visit) const override {
        if (!is_readable_) return fail(Code::internal, "this read fails");
        return store_.scan(table, from, to, order, visit);
    }
    bool has_space() const override { return has_space_; }
    void set_readable(bool is_readable) { is_readable_ = is_readable; }
    void set_space(bool has_space) { has_space_ = has_space; }

  private:
    MemoryStore store_;
    std::function<void(const Batch&)> on_append_;
    bool has_space_ = true;
    bool is_readable_ = true;
};

// Every row of a table, in order.
Result<> scan_all(const Store& store, Table table, const Store::Visitor& visit);

}  // namespace madang::sim
