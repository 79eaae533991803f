#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "bindings.hpp"
#include "server/plugin_host.hpp"

namespace madang::bindings {
namespace {

using server::HookFigures;
using server::PluginHost;

constexpr const char* kKinds[] = {"direct", "group", "room"};

double seconds(std::chrono::steady_clock::time_point time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

py::tuple names_of(const Mentions& mentions) {
    py::tuple names{mentions.users.size() + (mentions.all ? 1 : 0)};
    for (std::size_t i = 0; i < mentions.users.size(); ++i) names[i] = to_string(mentions.users[i]);
    if (mentions.all) names[mentions.users.size()] = "all";
    return names;
}

py::tuple profile_of(const Profile& profile) { return py::make_tuple(to_string(profile.id), profile.username, profile.display_name); }

// Tuples of plain values, made while nobody else waits for anything. All begin with plugin, hook, loop, number, posted; what follows stands
// with the lane of each hook in python/madang/plugins.
py::list drain(PluginHost& host, std::size_t max) {
    auto calls = host.mailbox().drain(max);
    py::list out{calls.size()};
    std::array<py::object, kHooks> names;
    const auto name = [&](Hook hook) -> const py::object& {
        auto& one = names[static_cast<std::size_t>(hook)];
        if (!one) one = py::str{name_of(hook)};
        return one;
    };
    for (std::size_t i = 0; i < calls.size(); ++i) {
        const auto& call = calls[i];
        const auto posted = seconds(call.posted);
        if (const auto* check = std::get_if<CheckCall>(&call.what)) {
            const auto conversation = check->conversation ? to_string(check->conversation) : std::string{};
            const auto peer = check->peer ? to_string(check->peer) : std::string{};
            out[i] = py::make_tuple(call.plugin, name(Hook::check), call.loop, check->number, posted, conversation,
                                    kKinds[static_cast<int>(check->kind)], to_string(check->sender), check->sender_username, peer,
                                    check->client_id, check->text, check->edit, names_of(check->mentions));
        } else if (const auto* committed = std::get_if<CommittedCall>(&call.what)) {
            out[i] = py::make_tuple(call.plugin, name(Hook::committed), call.loop, committed->number, posted, committed->entries);
        } else if (const auto* push = std::get_if<PushCall>(&call.what)) {
            const auto device = push->device ? to_string(push->device) : std::string{};
            out[i] = py::make_tuple(call.plugin, name(Hook::push), call.loop, push->number, posted, profile_of(push->user), device,
                                    push->registration.json, to_string(push->push.conversation), kKinds[static_cast<int>(push->kind)],
                                    push->title, push->push.seq.value, to_string(push->message_id), profile_of(push->sender), push->text,
                                    push->badge, push->created_at.time_since_epoch().count(), push->attempt);
        } else {
            const auto& identity = std::get<IdentityCall>(call.what);
            out[i] = py::make_tuple(call.plugin, name(Hook::authenticate), call.loop, identity.number, posted, identity.credentials);
        }
    }
    return out;
}

using VerdictTuple = std::tuple<std::uint32_t, std::uint64_t, int, std::string>;  // loop, number, Verdict::Kind, text

void answer_checks(PluginHost& host, const std::vector<VerdictTuple>& verdicts) {
    std::vector<HookAnswer> answers;
    answers.reserve(verdicts.size());
    for (const auto& [loop, number, kind, text] : verdicts)
        answers.push_back({loop, number, Verdict{static_cast<Verdict::Kind>(kind), text}});
    const py::gil_scoped_release released;
    host.mailbox().answer(std::move(answers));
}

using DeliveryTuple = std::tuple<std::uint32_t, std::uint64_t, int, double, std::string>;  // loop, number, Delivered::Kind, after, detail

void answer_pushes(PluginHost& host, const std::vector<DeliveryTuple>& deliveries) {
    constexpr double kAfterMax = 86'400;
    std::vector<HookAnswer> answers;
    answers.reserve(deliveries.size());
    for (const auto& [loop, number, kind, after, detail] : deliveries) {
        const Millis pause{static_cast<std::int64_t>(std::clamp(after, 0.0, kAfterMax) * 1'000)};
        answers.push_back({loop, number, Delivered{static_cast<Delivered::Kind>(kind), pause, detail}});
    }
    const py::gil_scoped_release released;
    host.mailbox().answer(std::move(answers));
}

void answer_identity(PluginHost& host, std::uint32_t loop, std::uint64_t number, const std::string& username,
                     const std::string& display_name, const std::vector<std::string>& roles) {
    const py::gil_scoped_release released;
    host.mailbox().answer({{loop, number, IdentityAnswer{Identity{username, display_name, roles}}}});
}

void refuse_identity(PluginHost& host, std::uint32_t loop, std::uint64_t number, bool denied, const std::string& reason) {
    const py::gil_scoped_release released;
    host.mailbox().answer({{loop, number, IdentityAnswer{fail(denied ? Code::unauthenticated : Code::plugin_unavailable, reason)}}});
}

py::list orders(PluginHost& host) {
    py::list out;
    for (const auto& order : host.console().take()) out.append(py::make_tuple(order.number, order.command, order.args));
    return out;
}

// `problem`: empty = it was done.
void answer_order(PluginHost& host, std::uint64_t number, const std::string& problem, server::PluginConsole::Rows rows) {
    const py::gil_scoped_release released;
    if (problem.empty())
        host.console().answer(number, std::move(rows));
    else
        host.console().answer(number, fail(Code::bad_request, problem));
}

// Without the GIL: a change waits for the disk.
template <typename Use>
auto in_store(PluginHost& host, std::uint32_t plugin, Use&& use) {
    auto done = [&] {
        const py::gil_scoped_release released;
        return use(host.store(plugin));
    }();
    if (!done) raise_admin_error(done.error());
    if constexpr (!std::is_void_v<typename decltype(done)::value_type>) return std::move(*done);
}

std::optional<py::bytes> store_get(PluginHost& host, std::uint32_t plugin, const std::string& key) {
    const auto value = in_store(host, plugin, [&](auto& store) { return store.get(key); });
    return value ? std::optional(py::bytes(*value)) : std::nullopt;
}

void store_put(PluginHost& host, std::uint32_t plugin, const std::string& key, const std::string& value) {
    in_store(host, plugin, [&](auto& store) { return store.put(key, value); });
}

bool store_erase(PluginHost& host, std::uint32_t plugin, const std::string& key) {
    return in_store(host, plugin, [&](auto& store) { return store.erase(key); });
}

std::vector<std::pair<py::bytes, py::bytes>> store_scan(PluginHost& host, std::uint32_t plugin, const std::string& prefix,
                                                        const std::string& after, std::size_t limit) {
    std::vector<std::pair<py::bytes, py::bytes>> rows;
    for (const auto& [key, value] : in_store(host, plugin, [&](auto& store) { return store.scan(prefix, after, limit); }))
        rows.emplace_back(key, value);
    return rows;
}

}  // namespace

void bind_plugins(py::module_& module) {
    using namespace py::literals;
    py::class_<PluginHost, std::shared_ptr<PluginHost>>(
        module, "Plugins", "What the core asks of the plugins: calls come out in batches, answers go back in batches.")
        .def_property_readonly("descriptor", [](PluginHost& self) { return self.mailbox().descriptor(); })
        .def_property_readonly("is_closed", [](PluginHost& self) { return self.mailbox().is_closed(); })
        .def("drain", &drain, "count"_a, "The oldest calls, as tuples.")
        .def("answer_checks", &answer_checks, "verdicts"_a)
        .def("answer_pushes", &answer_pushes, "deliveries"_a)
        .def("answer_identity", &answer_identity, "loop"_a, "number"_a, "username"_a, "display_name"_a, "roles"_a)
        .def("refuse_identity", &refuse_identity, "loop"_a, "number"_a, "denied"_a, "reason"_a)
        .def(
            "answer_committed",
            [](PluginHost& self, std::uint32_t plugin, std::uint64_t number, const std::string& problem) {
                const py::gil_scoped_release released;
                self.mailbox().answer({{kFeederLoop, number, CommittedAnswer{plugin, problem}}});
            },
            "plugin"_a, "number"_a, "problem"_a, "`problem` empty: the batch is taken.")
        .def("store_get", &store_get, "plugin"_a, "key"_a)
        .def("store_put", &store_put, "plugin"_a, "key"_a, "value"_a)
        .def("store_erase", &store_erase, "plugin"_a, "key"_a)
        .def("store_scan", &store_scan, "plugin"_a, "prefix"_a, "after"_a, "limit"_a)
        .def(
            "note",
            [](PluginHost& self, std::uint32_t plugin, const std::string& hook, std::uint64_t calls, std::uint64_t batches,
               std::uint64_t errors, std::uint64_t expired, double queue_s, double run_s, std::uint64_t would_deny,
               std::uint64_t would_modify, std::uint64_t would_hold, std::uint64_t would_shadow) {
                constexpr double kMicros = 1e6;
                self.note(plugin, hook_named(hook).value(),
                          {calls, batches, errors, expired, static_cast<std::uint64_t>(queue_s * kMicros),
                           static_cast<std::uint64_t>(run_s * kMicros), would_deny, would_modify, would_hold, would_shadow});
            },
            "plugin"_a, "hook"_a, "calls"_a = 0, "batches"_a = 0, "errors"_a = 0, "expired"_a = 0, "queue_s"_a = 0.0, "run_s"_a = 0.0,
            "would_deny"_a = 0, "would_modify"_a = 0, "would_hold"_a = 0, "would_shadow"_a = 0, "Adds to the figures of one hook.")
        .def_property_readonly("console", [](PluginHost& self) { return self.console().descriptor(); })
        .def("orders", &orders, "What the operator wants, as tuples: number, command, arguments.")
        .def("answer_order", &answer_order, "number"_a, "problem"_a, "rows"_a)
        .def("note_worker", &PluginHost::note_worker, "plugin"_a, "pid"_a, "restarts"_a, "waiting"_a)
        .def("note_reload", &PluginHost::note_reload, "plugin"_a, "succeeded"_a)
        .def(
            "flood",
            [](PluginHost& self, std::size_t count, const std::string& text) {
                std::vector<CheckCall> calls(count);
                for (std::size_t i = 0; i < count; ++i) calls[i].number = i + 1, calls[i].sender = UserId{1}, calls[i].text = text;
                const py::gil_scoped_release released;
                return count - self.post(0, std::move(calls)).size();
            },
            "count"_a, "text"_a, "For the benchmark: posts so many checks as one turn would; how many found room.");
}

}  // namespace madang::bindings
