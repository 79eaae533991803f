// The loop's side of the plugins: calls go into the mailbox, answers and deadlines come back. A loop never waits for a plugin.
#include <utility>

#include <boost/asio/post.hpp>

#include "server/loop.hpp"
#include "server/plugin_host.hpp"

namespace madang::server {
namespace {

constexpr Millis kPluginRetry{1'000};

Error plugin_unavailable() { return {Code::plugin_unavailable, "the plugin that authenticates doesn't answer", kPluginRetry}; }

}  // namespace

void Loop::ask_plugins(std::vector<CheckCall> calls) {
    const auto refused = services_.plugins->post(index_, std::move(calls));
    for (const auto number : refused) engine_->on_call_refused(number);
    if (!refused.empty()) touched_ = true;
}

void Loop::ask_plugins(std::vector<PushCall> pushes) {
    const auto refused = services_.plugins->post(index_, std::move(pushes));
    for (const auto number : refused) engine_->on_push_refused(number);
    if (!refused.empty()) touched_ = true;
}

void Loop::deliver(std::vector<HookAnswer> answers) {
    boost::asio::post(*context_, [this, all = std::move(answers)]() mutable {
        for (auto& each : all) {
            if (auto* verdict = std::get_if<Verdict>(&each.what)) {
                if (engine_) engine_->on_verdict(each.number, std::move(*verdict));
                touched_ = true;
            } else if (const auto* delivered = std::get_if<Delivered>(&each.what)) {
                if (engine_) engine_->on_delivered(each.number, *delivered);
                touched_ = true;
            } else {
                end_identify(each.number, std::get<IdentityAnswer>(std::move(each.what)));
            }
        }
    });
}

void Loop::identify(std::string credentials, OnIdentified on_identified) {
    const auto refuse_with = [&](Error error) {
        deferred_.push_back([refused = std::move(on_identified), why = std::move(error)]() mutable { refused(std::unexpected(why)); });
    };
    if (services_.plugins == nullptr || !services_.plugins->authenticator())
        return refuse_with({Code::bad_request, "this server has no plugin that takes `credentials`: give `username` and `password`", {}});
    const auto now = services_.clock.tick();
    if (!identity_breaker_.try_call(now)) return refuse_with(plugin_unavailable());
    const auto plugin = *services_.plugins->authenticator();
    const auto number = identities_.put(std::move(on_identified));
    identity_deadlines_.emplace_back(now + services_.plugins->plugins()[plugin].rule(Hook::authenticate)->timeout, number);
    if (!services_.plugins->post(index_, IdentityCall{number, std::move(credentials)})) {
        deferred_.push_back([this, number] { end_identify(number, std::unexpected(plugin_unavailable())); });
    }
    arm_deadline();
}

void Loop::end_identify(std::uint64_t number, IdentityAnswer answer) {
    auto waiting = identities_.take(number);
    if (!waiting) return identities_late_.add();
    if (!answer && answer.error().code != Code::unauthenticated) {
        identity_breaker_.on_failure(services_.clock.tick());
        return (*waiting)(std::unexpected(plugin_unavailable()));
    }
    identity_breaker_.on_success();
    if (!answer) return (*waiting)(std::unexpected(answer.error()));
    (*waiting)(net::Identified{*std::move(answer), services_.plugins->plugins()[*services_.plugins->authenticator()].name});
}

void Loop::end_late_identities() {
    const auto now = services_.clock.tick();
    while (!identity_deadlines_.empty() && identity_deadlines_.front().first <= now) {
        const auto number = identity_deadlines_.front().second;
        identity_deadlines_.pop_front();
        if (identities_.find(number) != nullptr) end_identify(number, std::unexpected(plugin_unavailable()));
    }
}

// The ordinary tick is too coarse for what promises a verdict in 200 ms.
void Loop::arm_deadline() {
    auto next = engine_ ? engine_->next_deadline() : std::nullopt;
    while (!identity_deadlines_.empty() && identities_.find(identity_deadlines_.front().second) == nullptr) identity_deadlines_.pop_front();
    if (!identity_deadlines_.empty() && (!next || identity_deadlines_.front().first < *next)) next = identity_deadlines_.front().first;
    if (!next || (deadline_armed_ && *deadline_armed_ <= *next)) return;
    deadline_armed_ = next;
    deadline_.expires_after(std::max(*next - services_.clock.tick(), Tick{1}));
    deadline_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;  // armed for an earlier one
        deadline_armed_.reset();
        end_late_identities();
        if (engine_) engine_->tick();
        touched_ = true;
        arm_deadline();
    });
}

}  // namespace madang::server
