#include "conformance.hpp"

#include <memory>

#include "scratch_folder.hpp"
#include "store/memory_store.hpp"
#include "store/rocks/rocks_store.hpp"

namespace madang::test {
namespace {

// Only durable rows exist in memory, so a crash is nothing to it.
class MemoryHarness {
  public:
    Store& store() { return store_; }
    void reopen() {}

  private:
    MemoryStore store_;
};

class RocksHarness {
  public:
    RocksHarness() { reopen(); }
    Store& store() { return *store_; }
    void reopen() {
        store_.reset();
        auto opened = RocksStore::open({.path = folder_.path()});
        ASSERT_TRUE(opened) << opened.error().detail;
        store_ = std::move(*opened);
    }

  private:
    ScratchFolder folder_;
    std::unique_ptr<RocksStore> store_;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreConformance, MemoryHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Rocks, StoreConformance, RocksHarness);

}  // namespace madang::test
