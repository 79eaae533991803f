// Accounts, devices and tokens: the user's slot is the only place that knows whether a token is good.
#include <algorithm>

#include "base/text.hpp"
#include "chat/engine_state.hpp"
#include "store/keys.hpp"

namespace madang {
namespace {

Error unauthenticated() { return {Code::unauthenticated, "the token is unknown, expired or revoked", {}}; }

// As accounts that were deleted are shown: nobody may pass for one.
bool looks_deleted(std::string_view folded) {
    if (!folded.starts_with(kDeletedPrefix)) return false;
    return folded.substr(kDeletedPrefix.size()).find_first_not_of("0123456789") == std::string_view::npos;
}

Account without_password(Account account) {
    account.password_hash.clear();
    return account;
}

}  // namespace

Result<std::optional<UserId>> Engine::State::find_name(const std::string& key) const {
    if (const auto flying = id_in_flight(Table::name, key)) return UserId{*flying};
    const auto stored = store_.get(Table::name, key);
    if (!stored) return std::unexpected(stored.error());
    if (!*stored) return std::nullopt;
    const auto id = decode_id(**stored);
    if (!id) return std::unexpected(id.error());
    return UserId{*id};
}

void Engine::State::on(const ReplyTo& from, SignUp&& request) {
    const auto folded = fold_username(request.username);
    if (!folded) return refuse(from, folded.error());
    if (code_points(request.display_name) > options_.limits.display_name_chars)
        return refuse(
            from,
            {Code::bad_request, "display_name is longer than " + std::to_string(options_.limits.display_name_chars) + " characters", {}});
    if (looks_deleted(*folded)) return refuse(from, {Code::bad_request, "this username is reserved", {}});
    if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
    const auto key = name_key(*folded);
    const auto taken = find_name(key);
    if (!taken) return refuse(from, taken.error());
    if (*taken) return refuse(from, {Code::username_taken, "the username is taken", {}});
    auto state = std::make_unique<UserState>();
    const auto slot = slot_of_name(*folded);
    do {
        state->id = ids_.user(slot);
    } while (store_.get(Table::account, account_key(state->id)).value_or(std::nullopt));
    auto& account = state->account;
    account.profile = {state->id, std::move(request.username), std::move(request.display_name), clock_.now()};
    account.password_hash = std::move(request.password_hash);
    account.origin = std::move(request.origin);
    account.roles = std::move(request.roles);
    put(Table::account, account_key(state->id), account, slot);
    put_id(Table::name, key, state->id.value, slot);
    remember_in_flight(Table::name, key, state->id.value);
    reply(from, without_password(account));
    touch(*state);
    const auto id = state->id;
    users_.insert(id, std::move(state));
}

void Engine::State::on(const ReplyTo& from, FindAccount&& request) {
    const auto folded = fold_username(request.username);
    const auto id = folded ? find_name(name_key(*folded)) : std::nullopt;
    if (!id) return refuse(from, id.error());
    if (!*id) return refuse(from, {Code::not_found, "no such user", {}});
    when_loaded(**id, [this, from](Result<UserState*> user) {
        if (!user) return refuse(from, user.error());
        if (!*user || is_deleted((*user)->account.profile)) return refuse(from, {Code::not_found, "no such user", {}});
        reply(from, (*user)->account);
    });
}

void Engine::State::put_device(const UserState& user, const Device& device) {
    put(Table::device, device_key(user.id, device.id), device, madang::slot_of(user.id));
}

void Engine::State::on(const ReplyTo& from, OpenSession&& request) {
    with_user(from, request.user, [this, from, request](UserState& user) {
        if (user.account.disabled) return refuse(from, {Code::forbidden, "the account is disabled", {}});
        if (request.verified_hash && *request.verified_hash != user.account.password_hash)
            return refuse(from, {Code::unauthenticated, "wrong username or password", {}});
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        if (request.roles && *request.roles != user.account.roles) {
            user.account.roles = *request.roles;
            put(Table::account, account_key(user.id), user.account, madang::slot_of(user.id));
        }
        while (user.devices.size() >= options_.limits.devices_per_user) {
            const auto unused = std::ranges::min_element(user.devices, {}, [&](const Device& device) {
                const auto is_its = [&](const auto& each) { return each.device == device.id; };
                const auto in_use = std::ranges::any_of(user.subscriptions, is_its) || std::ranges::any_of(user.pollers, is_its);
                return std::pair(in_use, std::pair(device.last_seen_at, device.id));
            });
            sign_out(user, unused->id);
        }
        const auto now = clock_.now();
        // Never given twice, also when the newest device is gone and the wall clock went back since.
        MessageId newest;
        for (const auto& device : user.devices) newest = std::max(newest, MessageId{device.id.value});
        const auto given = ids_.message(newest);
        reserve_ids(given);
        const DeviceId id{given.value};
        user.devices.push_back({.id = id,
                                .name = request.device_name,
                                .platform = request.platform,
                                .secret_hash = request.secret_hash,
                                .created_at = now,
                                .last_seen_at = now,
                                .expires_at = now + options_.limits.token_lifetime,
                                .acked = {}});
        put_device(user, user.devices.back());
        touch(user);
        reply(from, SessionOpened{without_password(user.account), id, user.devices.back().expires_at, user.inbox.tail()});
    });
}

void Engine::State::on(const ReplyTo& from, Authenticate&& request) {
    when_loaded(request.user, [this, from, request](Result<UserState*> found) {
        if (!found) return refuse(from, found.error());
        auto* user = *found;
        auto* device = user ? user->find_device(request.device) : nullptr;
        const auto now = clock_.now();
        if (!device || !equal(device->secret_hash, request.secret_hash) || device->expires_at <= now || user->account.disabled)
            return refuse(from, unauthenticated());
        note_active(*user, device->id, now);
        const auto is_operator = std::ranges::find(user->account.roles, "operator") != user->account.roles.end();
        reply(from, Authenticated{{user->id, device->id}, user->account.profile.username, device->expires_at, is_operator});
    });
}

void Engine::State::sign_out(UserState& user, DeviceId device) {
    std::erase_if(user.devices, [&](const Device& each) { return each.id == device; });
    erase(Table::device, device_key(user.id, device), madang::slot_of(user.id));
    if (std::exchange(user.account.last_active_at, user.presence.last_active_at) < user.presence.last_active_at)
        put(Table::account, account_key(user.id), user.account, madang::slot_of(user.id));
    touch(user);
    std::uint32_t attached = 0;
    for (auto& each : user.subscriptions) {
        if (each.device != device) continue;
        effects_.push_back(CloseSocket{each.gateway, each.session, CloseCode::session_revoked});
        attached += std::exchange(each.is_present, false) ? 1 : 0;
    }
    figures_.pollers -= std::erase_if(user.pollers, [&](const Poller& each) {
        if (each.device != device) return false;
        refuse(each.to, unauthenticated());
        ++attached;
        return true;
    });
    leave(user, device, attached);
    forget_polls(user, device);
}

void Engine::State::on(const ReplyTo& from, CloseSession&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        if (!user.find_device(request.device)) return refuse(from, {Code::not_found, "no such device", {}});
        sign_out(user, request.device);
        reply(from, Done{});
    });
}

void Engine::State::on(const ReplyTo& from, ListSessions&& request) {
    with_user(from, request.actor.user, [this, from](UserState& user) {
        auto devices = user.devices;
        std::ranges::sort(devices, std::greater{}, &Device::id);
        reply(from, std::move(devices));
    });
}

void Engine::State::on(const ReplyTo& from, GetAccount&& request) {
    when_loaded(request.user, [this, from](Result<UserState*> user) {
        if (!user) return refuse(from, user.error());
        if (!*user) return refuse(from, {Code::not_found, "no such user", {}});
        reply(from, without_password((*user)->account));
    });
}

void Engine::State::on(const ReplyTo& from, UpdateAccount&& request) {
    const auto& limits = options_.limits;
    if (request.display_name && code_points(*request.display_name) > limits.display_name_chars)
        return refuse(from,
                      {Code::bad_request, "display_name is longer than " + std::to_string(limits.display_name_chars) + " characters", {}});
    if (request.settings && request.settings->size() > limits.settings_bytes)
        return refuse(from, {Code::too_large, "settings take more than " + std::to_string(limits.settings_bytes) + " bytes", {}});
    if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        user.account.profile.display_name = request.display_name.value_or(user.account.profile.display_name);
        user.account.settings = request.settings.value_or(user.account.settings);
        put(Table::account, account_key(user.id), user.account, madang::slot_of(user.id));
        touch(user);
        reply(from, without_password(user.account));
    });
}

void Engine::State::on(const ReplyTo& from, ChangePassword&& request) {
    with_user(from, request.actor.user, [this, from, request](UserState& user) {
        if (!user.find_device(request.actor.device)) return refuse(from, unauthenticated());
        if (user.account.password_hash != request.old_hash)
            return refuse(from, {Code::forbidden, "the password was changed by another device", {}});
        if (!store_.has_space()) return refuse(from, {Code::storage_full, "the server's disk is full", Millis{5'000}});
        user.account.password_hash = request.new_hash;
        put(Table::account, account_key(user.id), user.account, madang::slot_of(user.id));
        touch(user);
        std::vector<DeviceId> others;
        for (const auto& device : user.devices)
            if (device.id != request.actor.device) others.push_back(device.id);
        for (const auto device : others) sign_out(user, device);
        ++figures_.password_changes;
        reply(from, Done{});
    });
}

void Engine::State::on(const ReplyTo& from, DisableAccount&& request) {
    with_user(from, request.user, [this, from, request](UserState& user) {
        user.account.disabled = request.disabled;
        put(Table::account, account_key(user.id), user.account, madang::slot_of(user.id));
        touch(user);
        while (request.disabled && !user.devices.empty()) sign_out(user, user.devices.back().id);
        reply(from, Done{});
    });
}

}  // namespace madang
