#include "server/plugin_console.hpp"

#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace madang::server {

PluginConsole::PluginConsole(std::chrono::milliseconds patience)
    : patience_(patience), descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

PluginConsole::~PluginConsole() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

bool PluginConsole::put(PluginOrder order) {
    if (closed_ || descriptor_ < 0 || orders_.size() >= kOrdersMax) return false;
    orders_.push_back(std::move(order));
    eventfd_write(descriptor_, 1);
    return true;
}

Result<PluginConsole::Rows> PluginConsole::ask(std::string command, Fields args, std::stop_token stop) {
    std::unique_lock lock{mutex_};
    const auto number = next_++;
    if (!put({number, std::move(command), std::move(args)})) return fail(Code::unavailable, "the plugins take no orders now");
    waiting_.insert(number);
    answered_.wait_for(lock, stop, patience_, [&] { return closed_ || outcomes_.contains(number); });
    waiting_.erase(number);
    auto outcome = outcomes_.extract(number);
    if (outcome) return std::move(outcome.mapped());
    return fail(Code::unavailable,
                closed_ || stop.stop_requested() ? "the server stops" : "the plugins don't answer: something keeps their thread");
}

bool PluginConsole::tell(std::string command) {
    const std::lock_guard lock{mutex_};
    return put({0, std::move(command), {}});
}

std::vector<PluginOrder> PluginConsole::take() {
    const std::lock_guard lock{mutex_};
    if (!closed_) {
        eventfd_t count = 0;
        eventfd_read(descriptor_, &count);
    }
    std::vector<PluginOrder> taken{std::make_move_iterator(orders_.begin()), std::make_move_iterator(orders_.end())};
    orders_.clear();
    return taken;
}

void PluginConsole::answer(std::uint64_t number, Result<Rows> outcome) {
    const std::lock_guard lock{mutex_};
    if (!waiting_.contains(number)) return;  // nobody waits, or not any more
    outcomes_.insert_or_assign(number, std::move(outcome));
    answered_.notify_all();
}

void PluginConsole::close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    orders_.clear();
    if (descriptor_ >= 0) eventfd_write(descriptor_, 1);
    answered_.notify_all();
}

}  // namespace madang::server
