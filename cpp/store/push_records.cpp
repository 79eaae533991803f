#include "store/push_records.hpp"

#include <utility>

#include "store/codec.hpp"

namespace madang {
namespace {

using codec::begin;
using codec::finish;

constexpr std::size_t kTargetBytes = 9;  // a length and a device
constexpr auto kReasonMax = static_cast<std::uint8_t>(DeadReason::age);

}  // namespace

void encode(const Push& push, std::string& out) {
    auto w = begin(out);
    w.time(push.since);
    w.time(push.due);
    w.varint(push.attempts);
    w.varint(push.done.size());
    for (const auto& target : push.done) {
        w.text(target.plugin);
        w.id(target.device);
    }
    w.text(push.error);
}

Result<Push> decode_push(std::string_view bytes) {
    auto r = begin(bytes);
    Push push;
    push.since = r.time();
    push.due = r.time();
    push.attempts = r.small();
    push.done.resize(r.count(kTargetBytes));
    for (auto& target : push.done) {
        target.plugin = r.text();
        target.device = r.id<DeviceId>();
    }
    push.error = r.text();
    return finish(r, std::move(push), "push");
}

void encode(const DeadPush& push, std::string& out) {
    auto w = begin(out);
    w.time(push.since);
    w.time(push.at);
    w.varint(push.attempts);
    w.byte(static_cast<std::uint8_t>(push.reason));
    w.text(push.error);
}

Result<DeadPush> decode_dead_push(std::string_view bytes) {
    auto r = begin(bytes);
    DeadPush push;
    push.since = r.time();
    push.at = r.time();
    push.attempts = r.small();
    push.reason = r.enumerator<DeadReason>(kReasonMax);
    push.error = r.text();
    return finish(r, std::move(push), "push that was given up");
}

}  // namespace madang
