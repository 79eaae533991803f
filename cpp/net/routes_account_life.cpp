// A new password, the end of an account, all that it has, and the operator's look at whether what it is served is right.
#include <array>
#include <charconv>
#include <utility>

#include "net/export_place.hpp"
#include "net/routes.hpp"
#include "wire/account_life.hpp"
#include "wire/json_writer.hpp"
#include "wire/objects.hpp"

namespace madang::net {
namespace {

// Of a list in the middle of an object; one that is empty is left out.
template <typename Items, typename AppendOne>
void append_part(std::string& out, std::string_view name, const Items& items, AppendOne append_one) {
    if (items.empty()) return;
    out.append(out.back() == '{' ? "\"" : ",\"").append(name).append("\":[");
    for (const auto& item : items) {
        if (out.back() != '[') out += ',';
        append_one(out, item);
    }
    out += ']';
}

void answer_export(Call& call, const ExportPage& page) {
    std::string json = "{";
    if (page.account) {
        json += R"("user":)";
        wire::append_account(json, *page.account);
    }
    append_part(json, "sessions", page.devices, [&](std::string& out, const Device& device) {
        wire::append_exported_device(out, device, device.id == call.actor().device);
    });
    append_part(json, "friends", page.friends,
                [](std::string& out, const Friendship& each) { wire::append_friendship(out, each.user, each.state); });
    append_part(json, "blocks", page.blocks, [](std::string& out, const Profile& each) { wire::append_user(out, each); });
    append_part(json, "conversations", page.conversations, append_view);
    append_part(json, "messages", page.messages, [](std::string& out, const EntryPtr& each) { wire::append_message(out, *each); });
    if (page.next) json.append(json.back() == '{' ? R"("next":")" : R"(,"next":")").append(encode_export_place(*page.next)).append("\"");
    call.answer(200, json += '}');
}

void append_difference(std::string& out, const AuditDifference& difference) {
    out += R"({"conversation_id":)";
    wire::append_id(out, difference.conversation);
    if (difference.seq) {
        out += R"(,"seq":)";
        wire::append_number(out, difference.seq.value);
    }
    out.append(R"(,"what":")").append(word_of(difference.what)).append(R"(","served":)");
    wire::append_number(out, difference.served);
    out += R"(,"counted":)";
    wire::append_number(out, difference.counted);
    out += '}';
}

void answer_audit(Call& call, const Profile& user, const AuditReport& report) {
    std::string json = R"({"user":)";
    wire::append_user(json, user);
    const auto add = [&](std::string_view name, std::uint64_t value) {
        json.append(",\"").append(name).append("\":");
        wire::append_number(json, value);
    };
    add("conversations", report.conversations);
    add("unread", report.unread);
    add("unread_mentions", report.unread_mentions);
    add("mentions", report.mentions);
    json += R"(,"differences":[)";
    for (const auto& each : report.differences) {
        if (json.back() != '[') json += ',';
        append_difference(json, each);
    }
    json += ']';
    if (report.next) json.append(R"(,"next":")").append(to_string(*report.next)).append("\"");
    call.answer(200, json += '}');
}

// The old one is verified before anything is said, also where there is none: every refusal takes the same time.
void change_to(const std::shared_ptr<Call>& call, wire::PasswordBody body, std::string old_hash) {
    auto old_password = std::exchange(body.old_password, {});
    call->core().verify_password(
        std::move(old_password), old_hash, [call, body = std::move(body), old_hash](Result<bool> verified) mutable {
            if (!verified) return call->refuse(verified.error());
            if (old_hash.empty()) return call->refuse({Code::forbidden, "this account has no password: it is not logged in by one"});
            if (!*verified) return call->refuse({Code::forbidden, "the old password is wrong"});
            call->core().hash_password(std::move(body.new_password), [call, old_hash](Result<std::string> hash) mutable {
                if (!hash) return call->refuse(hash.error());
                call->ask<Done>(ChangePassword{call->actor(), std::move(old_hash), *std::move(hash)},
                                [](Call& asked, Done) { asked.answer_nothing(); });
            });
        });
}

}  // namespace

void change_password(Call& call) {
    auto body = wire::parse_password_change(call.request().body);
    if (!body) return call.refuse(body.error());
    if (!call.may_call(Costly::password)) return;
    call.ask<Account>(FindAccount{std::string(call.username())}, [body = *std::move(body)](Call& asked, const Account& account) mutable {
        change_to(asked.shared_from_this(), std::move(body), account.password_hash);
    });
}

void delete_me(Call& call) {
    call.ask<Done>(DeleteAccount{call.actor()}, [](Call& asked, Done) { asked.answer_nothing(); });
}

void export_me(Call& call) {
    const auto limit = call.query().limit(call.limits().page_items);
    if (!limit) return call.refuse(limit.error());
    Export request{.actor = call.actor(), .limit = *limit, .after = {}};
    if (const auto next = call.query().find("next")) {
        request.after = parse_export_place(*next);
        if (!request.after) return call.refuse({Code::bad_request, "parameter `next` is none that a page of an export has named"});
    }
    if (!call.may_call(Costly::export_page)) return;
    call.ask<ExportPage>(request, answer_export);
}

void audit_user(Call& call) {
    const auto username = call.query().find("username");
    if (!username) return call.refuse({Code::bad_request, "parameter `username` is missing"});
    const auto next = call.query().number("next");
    if (!next) return call.refuse(next.error());
    std::optional<ConversationId> after;
    if (*next) after = ConversationId{**next};
    call.ask<Account>(FindAccount{std::string(*username)}, [after](Call& asked, const Account& account) {
        asked.ask<AuditReport>(AuditUser{account.profile.id, after},
                               [user = account.profile](Call& audited, const AuditReport& report) { answer_audit(audited, user, report); });
    });
}

}  // namespace madang::net
