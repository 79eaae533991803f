#include <algorithm>
#include <thread>

#include "net/token.hpp"
#include "server/commands.hpp"
#include "server/requester.hpp"

namespace madang::server {
namespace {

constexpr std::uint32_t kUsersAtOnce = 10'000;
constexpr std::size_t kGroupsAtOnce = 50;  // each writes members × members inbox rows
constexpr int kAttempts = 100;
constexpr std::chrono::milliseconds kPause{50};

struct SeededUser {
    net::Token token;
    ConversationId direct;
    ConversationId group;
};

class Seeder {
  public:
    Seeder(Runtime& runtime, const SeedPlan& plan, const RowSink& rows, std::stop_token stop)
        : runtime_(runtime),
          plan_(plan),
          rows_(rows),
          stop_(std::move(stop)),
          requester_(*runtime.loops().front(), stop_),
          users_(plan.users) {}

    Result<> run() {
        for (const auto step : {&Seeder::sign_up, &Seeder::open_sessions, &Seeder::pair_up}) {
            for (std::uint32_t first = 0; first < plan_.users; first += kUsersAtOnce) {
                const auto last = std::min(first + kUsersAtOnce, plan_.users);
                const auto done = (this->*step)(first, last);
                if (!done) return done;
                tell(last - first);
                if (stop_.stop_requested()) return fail(Code::unavailable, "the server stops");
            }
        }
        return plan_.group_size == 0 ? Result<>{} : gather_groups();
    }
    const std::vector<SeededUser>& users() const { return users_; }

  private:
    static std::string name(std::uint32_t index) { return "u" + std::to_string(index); }
    // Each step does something for every user.
    void tell(std::uint64_t users) {
        done_ += users;
        const std::uint64_t steps = plan_.group_size == 0 ? 3 : 4;
        if (plan_.tells_progress) rows_({std::to_string(done_), std::to_string(steps * plan_.users)});
    }

    Actor actor(std::uint32_t index) const { return {users_[index].token.user, users_[index].token.device}; }

    // All answers or the first error; a server under load is asked again.
    Result<std::vector<Response>> ask(const std::vector<Request>& requests) {
        std::vector<Response> responses(requests.size());
        std::vector<std::size_t> open(requests.size());
        for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
        for (int attempt = 0; !open.empty(); ++attempt) {
            std::vector<Request> now;
            for (const auto i : open) now.push_back(requests[i]);
            auto answers = requester_.ask_all(std::move(now));
            std::vector<std::size_t> again;
            for (std::size_t j = 0; j < open.size(); ++j) {
                if (answers[j]) {
                    responses[open[j]] = std::move(*answers[j]);
                } else if (answers[j].error().code == Code::unavailable && attempt < kAttempts && !stop_.stop_requested()) {
                    again.push_back(open[j]);
                } else {
                    return std::unexpected(std::move(answers[j].error()));
                }
            }
            open = std::move(again);
            if (!open.empty()) std::this_thread::sleep_for(kPause);
        }
        return responses;
    }

    // An account of an earlier seeding is taken as it is.
    Result<> sign_up(std::uint32_t first, std::uint32_t last) {
        std::vector<Request> requests;
        for (auto i = first; i < last; ++i) {
            requests.push_back(SignUp{.username = name(i), .display_name = {}, .password_hash = {}, .origin = "password", .roles = {}});
        }
        auto answers = requester_.ask_all(std::move(requests));
        std::vector<Request> finds;
        std::vector<std::uint32_t> taken;
        for (auto i = first; i < last; ++i) {
            auto& answer = answers[i - first];
            if (answer) {
                users_[i].token.user = std::get<Account>(*answer).profile.id;
            } else if (answer.error().code == Code::username_taken) {
                finds.push_back(FindAccount{name(i)});
                taken.push_back(i);
            } else {
                return std::unexpected(std::move(answer.error()));
            }
        }
        const auto found = ask(finds);
        if (!found) return std::unexpected(found.error());
        for (std::size_t j = 0; j < taken.size(); ++j) users_[taken[j]].token.user = std::get<Account>((*found)[j]).profile.id;
        return {};
    }

    Result<> open_sessions(std::uint32_t first, std::uint32_t last) {
        std::vector<Request> requests;
        for (auto i = first; i < last; ++i) {
            auto& token = users_[i].token;
            runtime_.random().fill(token.secret);
            requests.push_back(
                OpenSession{.user = token.user, .device_name = "seed", .platform = "seed", .secret_hash = token.secret_hash()});
        }
        const auto opened = ask(requests);
        if (!opened) return std::unexpected(opened.error());
        for (auto i = first; i < last; ++i) {
            users_[i].token.device = std::get<SessionOpened>((*opened)[i - first]).device;
        }
        return {};
    }

    Result<> pair_up(std::uint32_t first, std::uint32_t last) {
        std::vector<Request> requests;
        for (auto i = first; i + 1 < last; i += 2) requests.push_back(CreateDirect{.actor = actor(i), .peer = users_[i + 1].token.user});
        const auto made = ask(requests);
        if (!made) return std::unexpected(made.error());
        for (std::size_t j = 0; j < made->size(); ++j) {
            const auto at = first + 2 * j;
            users_[at].direct = users_[at + 1].direct = std::get<ConversationView>((*made)[j]).conversation.id;
        }
        return {};
    }

    Result<> gather_groups() {
        const auto size = plan_.group_size;
        for (std::uint32_t first = 0; first < plan_.users; first += static_cast<std::uint32_t>(kGroupsAtOnce) * size) {
            const auto last = std::min<std::uint64_t>(first + std::uint64_t{kGroupsAtOnce} * size, plan_.users);
            std::vector<Request> requests;
            // One who is left over at the end has nobody to talk to.
            for (auto owner = first; owner + 1 < last; owner += size) requests.push_back(group(owner));
            const auto made = ask(requests);
            if (!made) return std::unexpected(made.error());
            for (std::size_t i = 0; i < made->size() * size && first + i < last; ++i) {
                users_[first + i].group = std::get<ConversationView>((*made)[i / size]).conversation.id;
            }
            tell(last - first);
            if (stop_.stop_requested()) return fail(Code::unavailable, "the server stops");
        }
        return {};
    }

    CreateGroup group(std::uint32_t owner) {
        const auto last = std::min(owner + plan_.group_size, plan_.users);
        CreateGroup request{.actor = actor(owner),
                            .slot = static_cast<Slot>(runtime_.random().next() % kSlots),
                            .title = "Group " + std::to_string(owner / plan_.group_size),
                            .members = {},
                            // The same seeding again finds the same group.
                            .client_id = "seed-" + std::to_string(plan_.group_size) + "-" + std::to_string(last)};
        for (auto i = owner; i < last; ++i) request.members.push_back(users_[i].token.user);
        return request;
    }

    Runtime& runtime_;
    const SeedPlan plan_;
    const RowSink& rows_;
    const std::stop_token stop_;
    Requester requester_;
    std::vector<SeededUser> users_;
    std::uint64_t done_ = 0;
};

std::string id_or_nothing(ConversationId id) { return id ? to_string(id) : std::string{}; }

}  // namespace

Result<> seed(Runtime& runtime, const SeedPlan& plan, const RowSink& rows, std::stop_token stop) {
    Seeder seeder{runtime, plan, rows, std::move(stop)};
    if (const auto done = seeder.run(); !done) return done;
    for (std::size_t i = 0; i < seeder.users().size(); ++i) {
        const auto& user = seeder.users()[i];
        rows({std::to_string(i), to_string(user.token.user), net::encode_token(user.token), id_or_nothing(user.direct),
              id_or_nothing(user.group)});
    }
    return {};
}

}  // namespace madang::server
