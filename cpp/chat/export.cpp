#include "chat/export.hpp"

#include "chat/stored.hpp"

namespace madang {
namespace {

class Exporter {
  public:
    Exporter(const Store& store, const Limits& limits, const Exported& picked, UserId user)
        : store_(store), limits_(limits), picked_(picked), user_(user) {}

    Result<Response> run() {
        page_.account = picked_.account;
        page_.devices = picked_.devices;
        page_.next = picked_.next;
        for (const auto step : {&Exporter::add_people, &Exporter::add_conversations, &Exporter::add_messages})
            if (const auto added = (this->*step)(); !added) return std::unexpected(added.error());
        return std::move(page_);
    }

  private:
    // As they are now; one whose account can't be found is left out.
    Result<std::optional<Profile>> profile_of(UserId id) const {
        const auto bytes = store_.get(Table::account, account_key(id));
        if (!bytes) return std::unexpected(bytes.error());
        if (!*bytes) return std::optional<Profile>{};
        auto account = decode_account(id, **bytes);
        if (!account) return std::unexpected(account.error());
        return std::move(account->profile);
    }

    Result<> add_people() {
        for (const auto& relation : picked_.friends) {
            auto profile = profile_of(relation.other);
            if (!profile) return std::unexpected(profile.error());
            if (*profile) page_.friends.push_back({std::move(**profile), relation.state});
        }
        for (const auto& relation : picked_.blocks) {
            auto profile = profile_of(relation.other);
            if (!profile) return std::unexpected(profile.error());
            if (*profile) page_.blocks.push_back(std::move(**profile));
        }
        return {};
    }

    Result<> add_conversations() {
        for (std::size_t i = 0; i < picked_.conversations.size(); ++i) {
            if (bytes_ > limits_.page_bytes) {
                page_.next = ExportPlace{ExportPlace::Part::conversations, picked_.conversations[i - 1].value};
                is_full_ = true;
                break;
            }
            auto view = read_view(store_, picked_.conversations[i], user_);
            if (view) view->own = picked_.own.at(i);
            // Left since the engine picked it.
            if (!view && view.error().code != Code::not_a_member) return std::unexpected(view.error());
            if (!view) continue;
            bytes_ += text_bytes(*view);
            page_.conversations.push_back(std::move(*view));
        }
        return {};
    }

    Result<> add_messages() {
        std::size_t looked_at = 0;
        for (std::size_t i = 0; i < picked_.logs.size() && !is_full_; ++i) {
            const auto id = picked_.logs[i];
            const auto from = i == 0 ? picked_.from : Seq{1};
            const auto read = each_row(store_, Table::message, message_key(id, from), end_of(id.value), Order::ascending,
                                       [&](auto key, auto value) -> Result<bool> {
                                           const Seq seq{id_in(key, 8)};
                                           is_full_ = page_.messages.size() == picked_.messages || bytes_ > limits_.page_bytes ||
                                                      looked_at++ == kExportEntries;
                                           if (is_full_) {
                                               page_.next = ExportPlace{ExportPlace::Part::messages, id.value, seq};
                                               return false;
                                           }
                                           auto entry = decode_entry(id, seq, value);
                                           if (!entry) return std::unexpected(entry.error());
                                           if (!(*entry)->is_message() || (*entry)->message.sender != user_) return true;
                                           bytes_ += (*entry)->message.text.size();
                                           page_.messages.push_back(std::move(*entry));
                                           return true;
                                       });
            if (!read) return read;
        }
        return {};
    }

    const Store& store_;
    const Limits& limits_;
    const Exported& picked_;
    UserId user_;
    ExportPage page_;
    std::size_t bytes_ = 0;  // of text
    bool is_full_ = false;
};

}  // namespace

Result<Response> export_page(const Store& store, const Limits& limits, const Query& query) {
    return Exporter(store, limits, *query.exported, std::get<Export>(query.request).actor.user).run();
}

}  // namespace madang
