#include "store/text_key.hpp"

#include <algorithm>

#include "store/keys.hpp"

namespace madang {

Result<DigestKey> text_key(Store& store, Random& random) {
    const auto row = meta_key("text_key");
    const auto found = store.get(Table::meta, row);
    if (!found) return std::unexpected(found.error());

    DigestKey key{};
    if (found->has_value()) {
        if ((*found)->size() != key.size()) return fail(Code::internal, "damaged record: key of text digests");
        std::ranges::copy(**found, key.begin());
        return key;
    }
    random.fill(key);
    Batch batch;
    batch.put(Table::meta, row, {reinterpret_cast<const char*>(key.data()), key.size()});
    switch (store.append(batch)) {
        case Outcome::durable: return key;
        case Outcome::full: return fail(Code::storage_full, "no space for the key of text digests");
        default: return fail(Code::internal, "the key of text digests could not be written");
    }
}

}  // namespace madang
