#include "server/commands.hpp"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include <unistd.h>

#include "base/password.hpp"
#include "base/text.hpp"
#include "chat/push_loads.hpp"
#include "model/deleted_user.hpp"
#include "net/token.hpp"
#include "server/plugin_commands.hpp"
#include "server/requester.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"
#include "wire/json_writer.hpp"
#include "wire/pushes.hpp"

namespace madang::server {
namespace {

constexpr std::size_t kPasswordCharsMin = 8;
constexpr std::size_t kDeadPage = 1'000;

// RFC 3339, as everywhere.
std::string time_text(Time time) {
    std::string quoted;
    wire::append_time(quoted, time);
    return quoted.substr(1, quoted.size() - 2);
}

std::vector<std::string> split_at_commas(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(',', at), text.size());
        if (end > at) parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) text.append(text.empty() ? "" : ",").append(part);
    return text;
}

// The answer as the one type that it must be.
template <typename T>
Result<T> ask(Requester& requester, Request request) {
    auto response = requester.ask(std::move(request));
    if (!response) return std::unexpected(std::move(response.error()));
    return std::get<T>(std::move(*response));
}

struct Context {
    CommandTarget target;
    Requester requester;
    const AdminCommand& command;
    const RowSink& rows;
    std::stop_token stop;
};

Result<> ping(Context& context) {
    context.rows({"pong", MADANG_VERSION, context.target.url, std::to_string(getpid())});
    return {};
}

Result<> user_add(Context& context) {
    const auto& command = context.command;
    const auto password = command.arg(1);
    if (!password.empty() && code_points(password) < kPasswordCharsMin) {
        return fail(Code::bad_request, "a password has at least 8 characters");
    }
    const auto account = ask<Account>(context.requester, SignUp{.username = command.arg(0),
                                                                .display_name = command.arg(2),
                                                                .password_hash = password.empty() ? "" : hash_password(password),
                                                                .origin = "password",
                                                                .roles = split_at_commas(command.arg(3))});
    if (!account) return std::unexpected(account.error());
    context.rows({to_string(account->profile.id), account->profile.username});
    return {};
}

// Straight from the store: an engine has only its own users, and only some of them in memory.
Result<> user_list(Context& context) {
    Result<> outcome;
    const auto visit = [&](std::string_view key, std::string_view value) {
        const UserId id{id_in(key)};
        const auto account = decode_account(id, value);
        if (!account) {
            outcome = std::unexpected(account.error());
            return false;
        }
        context.rows({to_string(id), account->profile.username, account->profile.display_name, account->origin, joined(account->roles),
                      is_deleted(account->profile) ? "deleted"
                      : account->disabled          ? "disabled"
                                                   : "active",
                      time_text(account->profile.created_at)});
        return !context.stop.stop_requested();
    };
    const auto scanned = context.target.runtime.store().scan(Table::account, Key{0}, Key{UINT64_MAX}, Order::ascending, visit);
    return scanned ? outcome : scanned;
}

// The differences that hold: while a mention is being edited, the table may be ahead of what the user's engine said a moment before.
Result<AuditReport> audit(Context& context, UserId user) {
    constexpr int kLooks = 3;
    AuditReport whole;
    for (int look = 0; look < kLooks && (look == 0 || !whole.differences.empty()); ++look) {
        const auto before = std::exchange(whole, AuditReport{}).differences;
        AuditUser request{.user = user, .after = {}};
        do {
            auto page = ask<AuditReport>(context.requester, request);
            if (!page) return page;
            whole.conversations += page->conversations, whole.unread += page->unread, whole.unread_mentions += page->unread_mentions;
            whole.mentions += page->mentions, whole.entries += page->entries;
            for (const auto& each : page->differences)
                if (look == 0 || std::ranges::find(before, each) != before.end()) whole.differences.push_back(each);
            request.after = page->next;
        } while (request.after && !context.stop.stop_requested());
    }
    return whole;
}

Result<> user_audit(Context& context) {
    std::vector<std::pair<UserId, std::string>> users;
    if (const auto name = context.command.arg(0); !name.empty()) {
        const auto account = ask<Account>(context.requester, FindAccount{name});
        if (!account) return std::unexpected(account.error());
        users.emplace_back(account->profile.id, account->profile.username);
    } else {
        Result<> outcome;
        const auto visit = [&](std::string_view key, std::string_view value) {
            const UserId id{id_in(key)};
            const auto account = decode_account(id, value);
            if (!account) outcome = std::unexpected(account.error());
            if (account && !is_deleted(account->profile)) users.emplace_back(id, account->profile.username);
            return account.has_value();
        };
        const auto scanned = context.target.runtime.store().scan(Table::account, Key{0}, Key{UINT64_MAX}, Order::ascending, visit);
        if (!scanned) return scanned;
        if (!outcome) return outcome;
    }
    for (const auto& [user, username] : users) {
        if (context.stop.stop_requested()) return fail(Code::unavailable, "stopped before everybody was looked at");
        const auto report = audit(context, user);
        if (!report && report.error().code == Code::unauthenticated) continue;  // deleted since
        if (!report) return std::unexpected(report.error());
        for (const auto& each : report->differences)
            context.rows({"difference", to_string(user), username, to_string(each.conversation), to_string(each.seq),
                          std::string(word_of(each.what)), std::to_string(each.served), std::to_string(each.counted)});
        context.rows({"user", to_string(user), username, std::to_string(report->conversations), std::to_string(report->unread),
                      std::to_string(report->unread_mentions), std::to_string(report->mentions), std::to_string(report->entries)});
    }
    return {};
}

Result<> user_disable(Context& context) {
    const auto state = context.command.arg(1);
    if (!state.empty() && state != "on" && state != "off") return fail(Code::bad_request, "the second argument is \"on\" or left out");
    const auto account = ask<Account>(context.requester, FindAccount{context.command.arg(0)});
    if (!account) return std::unexpected(account.error());
    const auto user = account->profile.id;
    const auto disabled = state != "on";
    const auto done = ask<Done>(context.requester, DisableAccount{.user = user, .disabled = disabled});
    if (!done) return std::unexpected(done.error());
    context.rows({to_string(user), disabled ? "disabled" : "active"});
    return {};
}

Result<> mint(Context& context, UserId user, std::string device, std::string platform) {
    net::Token token{.user = user, .device = {}, .secret = {}};
    context.target.runtime.random().fill(token.secret);
    const auto opened = ask<SessionOpened>(
        context.requester,
        OpenSession{.user = user, .device_name = std::move(device), .platform = std::move(platform), .secret_hash = token.secret_hash()});
    if (!opened) return std::unexpected(opened.error());
    token.device = opened->device;
    context.rows({net::encode_token(token), to_string(token.user), to_string(token.device), time_text(opened->expires_at)});
    return {};
}

Result<> token_mint(Context& context) {
    const auto account = ask<Account>(context.requester, FindAccount{context.command.arg(0)});
    if (!account) return std::unexpected(account.error());
    const auto name = context.command.arg(1);
    return mint(context, account->profile.id, name.empty() ? "token" : name, "cli");
}

// The account that plugins write as, made at its first use; and a token for it. One of another origin is never opened.
Result<> system_token(Context& context) {
    constexpr std::string_view kSystem = "system";
    const auto& accounts = context.target.runtime.config().accounts;
    auto account = ask<Account>(context.requester, FindAccount{accounts.system});
    if (!account && account.error().code == Code::not_found)
        account = ask<Account>(context.requester, SignUp{.username = accounts.system,
                                                         .display_name = accounts.system_name,
                                                         .password_hash = {},
                                                         .origin = std::string{kSystem},
                                                         .roles = {}});
    if (!account) return std::unexpected(account.error());
    if (account->origin != kSystem)
        return fail(Code::username_taken, "@" + accounts.system + " is somebody's account: give accounts.system another username");
    return mint(context, account->profile.id, "plugins", "server");
}

std::optional<std::uint32_t> number(const std::string& text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Result<> push_dead(Context& context) {
    std::optional<PushKey> after;
    do {
        const auto page = list_dead_pushes(context.target.runtime.store(), kDeadPage, after);
        if (!page) return std::unexpected(page.error());
        for (const auto& [key, push] : page->pushes)
            context.rows({to_string(key.user), to_string(key.conversation), to_string(key.seq), time_text(push.since), time_text(push.at),
                          std::to_string(push.attempts), std::string{wire::word_of(push.reason)}, push.error});
        after = page->next;
    } while (after && !context.stop.stop_requested());
    return {};
}

// Of tests, which move in steps of the heartbeat so that clients can ping in between.
Result<> clock_advance(Context& context) {
    const auto by = number(context.command.arg(0));
    if (!by) return fail(Code::bad_request, "how far: a whole number of milliseconds");
    if (!context.target.advance_clock) {
        return fail(Code::forbidden, "the clock of this server can't be moved: it was not started with server.clock = \"movable\"");
    }
    context.target.advance_clock(Millis{*by});
    const auto& runtime = context.target.runtime;
    context.rows({time_text(runtime.clock().now()), std::to_string(runtime.config().limits.heartbeat.count())});
    return {};
}

Result<> run_seed(Context& context) {
    const auto users = number(context.command.arg(0));
    const auto group_size = context.command.args.size() < 2 ? 0 : number(context.command.arg(1));
    const auto members_max = context.target.runtime.config().limits.group_members;
    if (!users || *users == 0 || *users > kSeedUsersMax) return fail(Code::bad_request, "users: 1 to 10,000,000");
    if (!group_size || *group_size == 1 || *group_size > members_max) {
        return fail(Code::bad_request, "group size: 0, or 2 to " + std::to_string(members_max) + " (limits.group_members)");
    }
    const SeedPlan plan{.users = *users, .group_size = *group_size, .tells_progress = !context.command.arg(2).empty()};
    return seed(context.target.runtime, plan, context.rows, context.stop);
}

Result<> plugin_list(Context& context) { return list_plugins(context.target.runtime, context.rows); }

Result<> plugin_reload(Context& context) {
    return reload_plugins(context.target.runtime, context.command.arg(0), context.rows, context.stop);
}

// Straight from the store, like the users.
Result<> held_list(Context& context) {
    Result<> outcome;
    const auto visit = [&](std::string_view key, std::string_view value) {
        const auto held = decode_held(HeldId{id_in(key)}, value);
        if (!held) {
            outcome = std::unexpected(held.error());
            return false;
        }
        if (held->state == HeldMessage::State::waiting)
            context.rows({to_string(held->id), to_string(held->conversation), to_string(held->sender), held->sender_username,
                          held->client_id, held->text, held->reason, time_text(held->created_at)});
        return !context.stop.stop_requested();
    };
    const auto scanned = context.target.runtime.store().scan(Table::held, Key{0}, Key{UINT64_MAX}, Order::ascending, visit);
    return scanned ? outcome : scanned;
}

Result<> review(Context& context, bool release) {
    const auto id = parse_id<HeldId>(context.command.arg(0));
    if (!id) return fail(Code::bad_request, "which one: its held_id");
    const auto reviewed = ask<Reviewed>(context.requester, Review{*id, release});
    if (!reviewed) return std::unexpected(reviewed.error());
    const auto* message = reviewed->message.get();
    context.rows({to_string(*id), message ? "released" : "refused", message ? to_string(message->conversation_id) : "",
                  message ? to_string(message->seq) : ""});
    return {};
}

Result<> held_release(Context& context) { return review(context, true); }
Result<> held_refuse(Context& context) { return review(context, false); }

struct Entry {
    std::string_view name;
    std::size_t args_min;
    std::size_t args_max;
    Result<> (*run)(Context&);
};
constexpr Entry kCommands[]{
    {"ping", 0, 0, ping},
    {"user-add", 1, 4, user_add},
    {"user-list", 0, 0, user_list},
    {"user-disable", 1, 2, user_disable},
    {"user-audit", 0, 1, user_audit},
    {"token-mint", 1, 2, token_mint},
    {"system-token", 0, 0, system_token},
    {"push-dead", 0, 0, push_dead},
    {"clock-advance", 1, 1, clock_advance},
    {"plugin-list", 0, 0, plugin_list},
    {"plugin-reload", 0, 1, plugin_reload},
    {"held-list", 0, 0, held_list},
    {"held-release", 1, 1, held_release},
    {"held-refuse", 1, 1, held_refuse},
    {"seed", 1, 3, run_seed},
};

}  // namespace

Result<> run_command(CommandTarget target, const AdminCommand& command, const RowSink& rows, std::stop_token stop) {
    for (const auto& entry : kCommands) {
        if (entry.name != command.name) continue;
        if (command.args.size() < entry.args_min || command.args.size() > entry.args_max) {
            return fail(Code::bad_request, command.name + ": wrong number of arguments");
        }
        Context context{target, Requester{*target.runtime.loops().front()}, command, rows, std::move(stop)};
        return entry.run(context);
    }
    return fail(Code::bad_request, "no such command: " + command.name);
}

}  // namespace madang::server
