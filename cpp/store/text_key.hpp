// The key of text digests (SendKey::text_digest): random, made at the first start of a store and kept in its meta table.
#pragma once

#include "base/digest.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "store/store.hpp"

namespace madang {

// Call once at start, before an engine runs; blocks for a sync the first time. Errors: internal (not readable, or could not be written),
// storage_full.
Result<DigestKey> text_key(Store& store, Random& random);

}  // namespace madang
