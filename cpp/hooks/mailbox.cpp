#include "hooks/mailbox.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace madang {

Mailbox::Mailbox(Deliver deliver, std::size_t calls_max, std::size_t bytes_max)
    : calls_max_(calls_max), bytes_max_(bytes_max), descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), deliver_(std::move(deliver)) {
    MADANG_ASSERT(descriptor_ >= 0);
}

Mailbox::~Mailbox() { ::close(descriptor_); }

std::size_t Mailbox::post(std::span<HookCall> calls) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock{mutex_};
    const auto was_empty = calls_.empty();
    std::size_t taken = 0;
    for (auto& call : calls) {
        const auto bytes = call.bytes();
        if (closed_ || calls_.size() >= calls_max_ || figures_.waiting_bytes + bytes > bytes_max_) break;
        figures_.waiting_bytes += bytes;
        call.posted = now;
        calls_.push_back(std::move(call));
        ++taken;
    }
    figures_.posted += taken;
    figures_.refused += calls.size() - taken;
    if (was_empty && taken != 0) {
        ++figures_.wake_ups;
        eventfd_write(descriptor_, 1);
    }
    return taken;
}

std::vector<HookCall> Mailbox::drain(std::size_t max) {
    std::vector<HookCall> out;
    const std::lock_guard lock{mutex_};
    const auto count = std::min(max, calls_.size());
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        figures_.waiting_bytes -= calls_.front().bytes();
        out.push_back(std::move(calls_.front()));
        calls_.pop_front();
    }
    if (calls_.empty() && !closed_) {
        eventfd_t ignored = 0;
        eventfd_read(descriptor_, &ignored);
    }
    return out;
}

void Mailbox::answer(std::vector<HookAnswer> answers) {
    std::map<std::uint32_t, std::vector<HookAnswer>> by_loop;
    for (auto& each : answers) by_loop[each.loop].push_back(std::move(each));
    const std::lock_guard lock{deliver_mutex_};
    if (!deliver_) return;
    for (auto& [loop, own] : by_loop) deliver_(loop, std::move(own));
}

void Mailbox::close() {
    {
        const std::lock_guard lock{mutex_};
        closed_ = true;
        calls_.clear();
        figures_.waiting_bytes = 0;
        eventfd_write(descriptor_, 1);
    }
    const std::lock_guard lock{deliver_mutex_};
    deliver_ = nullptr;
}

bool Mailbox::is_closed() const {
    const std::lock_guard lock{mutex_};
    return closed_;
}

MailboxFigures Mailbox::figures() const {
    const std::lock_guard lock{mutex_};
    auto figures = figures_;
    figures.waiting = calls_.size();
    return figures;
}

}  // namespace madang
