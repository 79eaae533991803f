#include "wire/objects.hpp"

#include <algorithm>
#include <cmath>

#include "base/result.hpp"
#include "model/deleted_user.hpp"
#include "wire/json_writer.hpp"
#include "wire/words.hpp"

namespace madang::wire {
namespace {

void append_user_members(std::string& out, const Profile& user) {
    out += R"("id":)";
    append_id(out, user.id);
    out += R"(,"username":)";
    append_string(out, user.username);
    out += R"(,"display_name":)";
    append_string(out, user.display_name);
    out += R"(,"created_at":)";
    append_time(out, user.created_at);
    if (is_deleted(user)) out += R"(,"deleted":true)";
}

void append_settings(std::string& out, const ConversationSettings& settings) {
    out += R"({"history":")";
    out += word(settings.history);
    out += R"(","invite":")";
    out += word(settings.invite);
    out += R"(","mention_all":")";
    out += word(settings.mention_all);
    out += R"("})";
}

void append_mentions(std::string& out, const Message& message) {
    out += '[';
    for (const auto user : message.mentions.users) {
        if (out.back() != '[') out += ',';
        append_id(out, user);
    }
    if (message.mentions.all) {
        if (out.back() != '[') out += ',';
        out += R"("all")";
    }
    out += ']';
}

void append_own(std::string& out, const OwnView& own) {
    out += R"(,"read_seq":)";
    append_number(out, own.read_seq.value);
    out += R"(,"unread":)";
    append_number(out, own.unread);
    out += R"(,"unread_mentions":)";
    append_number(out, own.unread_mentions);
    if (own.pinned) out += R"(,"pinned":true)";
    if (own.archived) out += R"(,"archived":true)";
    if (own.muted_until == Time{}) return;
    out += R"(,"muted_until":)";
    append_time(out, own.muted_until);
}

}  // namespace

void append_user(std::string& out, const Profile& user) {
    out += '{';
    append_user_members(out, user);
    out += '}';
}

void append_friendship(std::string& out, const Profile& user, FriendState state) {
    out += R"({"user":)";
    append_user(out, user);
    out.append(R"(,"state":")").append(word(state)).append("\"}");
}

void append_account(std::string& out, const Account& account) {
    out += '{';
    append_user_members(out, account.profile);
    out.append(R"(,"settings":)").append(account.settings.empty() ? "{}" : account.settings);
    out += '}';
}

void append_device(std::string& out, const Device& device, bool current) {
    out += R"({"device_id":)";
    append_id(out, device.id);
    out += R"(,"name":)";
    append_string(out, device.name);
    out += R"(,"platform":)";
    append_string(out, device.platform);
    out += R"(,"created_at":)";
    append_time(out, device.created_at);
    out += R"(,"last_seen_at":)";
    append_time(out, device.last_seen_at);
    out += R"(,"current":)";
    append_bool(out, current);
    out += '}';
}

void append_exported_device(std::string& out, const Device& device, bool current) {
    append_device(out, device, current);
    if (!device.push) return;
    out.back() = ',';
    out.append(R"("push":)").append(device.push.json).append("}");
}

void append_server(std::string& out, const ServerObject& server) {
    out += R"({"url":)";
    append_string(out, server.url);
    out += R"(,"region":)";
    append_string(out, server.region);
    const auto percent = static_cast<std::uint64_t>(std::lround(std::clamp(server.load, 0.0, 1.0) * 100));
    out += R"(,"load":)";
    append_number(out, percent / 100);
    out += '.';
    append_number(out, percent / 10 % 10);
    append_number(out, percent % 10);
    out += '}';
}

void append_session(std::string& out, const SessionObject& session) {
    out += R"({"token":)";
    append_string(out, session.token);
    out += R"(,"expires_at":)";
    append_time(out, session.expires_at);
    out += R"(,"user":)";
    append_account(out, session.user);
    out += R"(,"device_id":)";
    append_id(out, session.device_id);
    out += R"(,"cursor":)";
    append_number(out, session.cursor.value);
    out += R"(,"servers":[)";
    for (const auto& server : session.servers) {
        if (out.back() != '[') out += ',';
        append_server(out, server);
    }
    out += "]}";
}

void append_conversation(std::string& out, const ConversationObject& view) {
    const auto& conversation = view.conversation;
    out += R"({"id":)";
    append_id(out, conversation.id);
    out += R"(,"kind":")";
    out += word(conversation.kind);
    out += '"';
    if (conversation.kind != ConversationKind::direct) {
        out += R"(,"title":)";
        append_string(out, conversation.title);
    }
    out += R"(,"members_count":)";
    append_number(out, conversation.members_count);
    out += R"(,"created_at":)";
    append_time(out, conversation.created_at);
    out += R"(,"head_seq":)";
    append_number(out, view.head_seq.value);
    if (view.own != nullptr) append_own(out, *view.own);
    if (view.last_message != nullptr) {
        out += R"(,"last_message":)";
        append_message(out, *view.last_message);
    }
    out += R"(,"my_role":")";
    out += word(view.my_role);
    out += '"';
    if (conversation.kind != ConversationKind::direct) {
        out += R"(,"settings":)";
        append_settings(out, conversation.settings);
    }
    if (view.peer != nullptr) {
        out += R"(,"peer":)";
        append_user(out, *view.peer);
    }
    out += '}';
}

void append_member(std::string& out, const Member& member, Time now, const Receipt* receipt) {
    out += R"({"user":)";
    append_user(out, member.user);
    out += R"(,"role":")";
    out += word(member.role);
    out += R"(","joined_seq":)";
    append_number(out, member.joined_seq().value);
    if (receipt != nullptr) {
        out += R"(,"read_seq":)";
        append_number(out, receipt->read.value);
        out += R"(,"delivered_seq":)";
        append_number(out, receipt->delivered.value);
    }
    if (member.muted_until > now) {
        out += R"(,"muted_until":)";
        append_time(out, member.muted_until);
    }
    out += '}';
}

void append_read_state(std::string& out, Seq marker, std::uint32_t unread, std::uint32_t unread_mentions) {
    out += R"("seq":)";
    append_number(out, marker.value);
    out += R"(,"unread":)";
    append_number(out, unread);
    out += R"(,"unread_mentions":)";
    append_number(out, unread_mentions);
}

void append_presence(std::string& out, const PresenceSignal& presence) {
    out += R"({"user_id":)";
    append_id(out, presence.user);
    out.append(R"(,"status":")").append(presence.online ? "online" : "offline").append("\"");
    if (presence.last_active_at != Time{}) {
        out += R"(,"last_active_at":)";
        append_time(out, presence.last_active_at);
    }
    out += '}';
}

void append_message(std::string& out, const Entry& entry) {
    MADANG_ASSERT(entry.is_message());
    const auto& message = entry.message;
    out += R"({"conversation_id":)";
    append_id(out, entry.conversation_id);
    out += R"(,"seq":)";
    append_number(out, entry.seq.value);
    out += R"(,"message_id":)";
    append_id(out, message.id);
    out += R"(,"sender_id":)";
    append_id(out, message.sender);
    out += R"(,"client_id":)";
    append_string(out, message.client_id);
    out += R"(,"created_at":)";
    append_time(out, entry.created_at);
    if (message.deleted) {
        out += R"(,"deleted":true})";
        return;
    }
    out += R"(,"text":)";
    append_string(out, message.text);
    out += R"(,"mentions":)";
    append_mentions(out, message);
    if (message.edited_at != Time{}) {
        out += R"(,"edited_at":)";
        append_time(out, message.edited_at);
    }
    out += '}';
}

}  // namespace madang::wire
