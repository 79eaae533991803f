#include "disk.hpp"

namespace madang::sim {

Result<> scan_all(const Store& store, Table table, const Store::Visitor& visit) {
    return store.scan(table, std::string_view{}, std::string(96, '\xFF'), Order::ascending, visit);
}

}  // namespace madang::sim
