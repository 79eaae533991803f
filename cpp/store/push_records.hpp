// The records of pushes: what is still to be handed out, and what was given up. Their keys are in keys.hpp.
// Thread: any. Errors of decoders: internal on anything else than exactly one record.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/push.hpp"

namespace madang {

void encode(const Push& push, std::string& out);
Result<Push> decode_push(std::string_view bytes);
void encode(const DeadPush& push, std::string& out);
Result<DeadPush> decode_dead_push(std::string_view bytes);

}  // namespace madang
