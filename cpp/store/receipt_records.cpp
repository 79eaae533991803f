// How far a member has got and read. What is read is delivered, so the record says how much more is.
#include <utility>

#include "store/codec.hpp"
#include "store/records.hpp"

namespace madang {

void encode(const Receipt& receipt, std::string& out) {
    MADANG_ASSERT(receipt.delivered >= receipt.read);
    auto w = codec::begin(out);
    w.position(receipt.read);
    w.varint(receipt.delivered.value - receipt.read.value);
}

Result<Receipt> decode_receipt(std::string_view bytes) {
    auto r = codec::begin(bytes);
    Receipt receipt;
    receipt.read = r.position<Seq>();
    const auto more = r.varint();
    if (more > ~receipt.read.value) r.spoil();
    receipt.delivered = Seq{receipt.read.value + more};
    return codec::finish(r, std::move(receipt), "receipt");
}

}  // namespace madang
