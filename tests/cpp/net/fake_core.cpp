#include "fake_core.hpp"

#include <algorithm>
#include <future>

#include <boost/asio/post.hpp>

namespace madang::net::test {
namespace {

struct UsualAnswers {
    Response operator()(const SignUp& request) const { return account_of(kUser, request.username); }
    Response operator()(const FindAccount& request) const { return account_of(kUser, request.username); }
    Response operator()(const OpenSession& request) const {
        return SessionOpened{account_of(request.user, "minsu"), kDevice, Time{}, Cursor{12}};
    }
    Response operator()(const Authenticate& request) const {
        return Authenticated{{request.user, request.device}, "minsu", Time::max(), false};
    }
    Response operator()(const CloseSession&) const { return Done{}; }
    Response operator()(const ListSessions& request) const {
        Device device;
        device.id = request.actor.device;
        return std::vector{device};
    }
    Response operator()(const GetAccount& request) const { return account_of(request.user, "minsu"); }
    Response operator()(const UpdateAccount& request) const {
        auto account = account_of(request.actor.user, "minsu");
        account.settings = request.settings.value_or("{}");
        return account;
    }
    Response operator()(const Acknowledge&) const { return Done{}; }
    Response operator()(const Sync& request) const { return SyncPage{{}, request.cursor, false}; }
    Response operator()(const ListConversations&) const { return ConversationPage{}; }
    Response operator()(const CreateDirect& request) const { return view(request.actor, true); }
    Response operator()(const CreateGroup& request) const { return view(request.actor, true); }
    Response operator()(const GetConversation& request) const {
        auto whole = view(request.actor, false);
        whole.own = OwnView{.read_seq = Seq{3}};
        return whole;
    }
    Response operator()(const MarkRead& request) const { return ReadState{request.seq, 2, 1}; }
    Response operator()(const UpdateConversation& request) const { return view(request.actor, false); }
    Response operator()(const ListMembers&) const { return MemberPage{{{member(UserId{5}), {Seq{4}, Seq{3}}}}, UserId{5}}; }
    Response operator()(const PutMember& request) const { return MemberView{member(request.user), {Seq{4}, Seq{3}}}; }
    Response operator()(const RemoveMember&) const { return Done{}; }
    Response operator()(const PutBan& request) const { return ban(request.user); }
    Response operator()(const ListBans&) const { return BanPage{{ban(UserId{5})}, UserId{5}}; }
    Response operator()(const CreateInvite& request) const { return Invite{.secret = request.secret, .max_uses = request.max_uses}; }
    Response operator()(const ListInvites&) const { return InvitePage{{Invite{.secret = {1}}}, InviteSecret{1}}; }
    Response operator()(const AcceptInvite& request) const {
        ConversationView view;
        view.conversation.id = request.conversation;
        view.conversation.kind = ConversationKind::group;
        view.created = true;
        return view;
    }
    Response operator()(const Send& request) const { return Sent{message_entry(Seq{5}, request.text), false}; }
    Response operator()(const History&) const { return HistoryPage{{message_entry(Seq{5}, "hi")}, true, false}; }
    Response operator()(const Export& request) const {
        ExportPage page;
        if (!request.after) page.account = account_of(request.actor.user, "minsu");
        page.messages.push_back(message_entry(Seq{5}, "mine"));
        page.next = ExportPlace{ExportPlace::Part::messages, 77, Seq{6}};
        return page;
    }
    Response operator()(const AuditUser& request) const {
        AuditReport report{.user = request.user, .conversations = 2, .unread = 3};
        report.differences.push_back({ConversationId{77}, Seq{}, AuditDifference::What::unread, 3, 4});
        report.next = ConversationId{77};
        return report;
    }
    template <typename Other>
    Response operator()(const Other&) const {
        return Done{};
    }

    static Member member(UserId user) { return {account_of(user, "someone").profile, Role::member, {}, {{Seq{1}, Seq{}}}}; }
    static Ban ban(UserId user) { return {account_of(user, "someone").profile, UserId{1}, Time{}}; }
    static ConversationView view(const Actor& actor, bool created) {
        return {{ConversationId{77}, ConversationKind::group, "title", actor.user, Time{}, {}, 2},
                Seq{3},
                nullptr,
                Role::owner,
                {},
                created,
                {}};
    }
};

}  // namespace

std::string token_of(UserId user, DeviceId device) { return encode_token({user, device, {}}); }

Account account_of(UserId user, const std::string& username) {
    Account account;
    account.profile = {user, username, "", Time{}};
    account.password_hash = "right";
    return account;
}

EntryPtr message_entry(Seq seq, std::string text) {
    auto entry = std::make_shared<Entry>();
    entry->conversation_id = ConversationId{77};
    entry->seq = seq;
    entry->message.id = MessageId{900};
    entry->message.sender = kUser;
    entry->message.client_id = "c";
    entry->message.text = std::move(text);
    return entry;
}

Result<Response> usual_answer(const Request& request) { return std::visit(UsualAnswers{}, request); }

bool eventually(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + kDeadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::yield();
    }
    return true;
}

// ---- FakeCore -----------------------------------------------------------------------------------------------------------------------

FakeCore::FakeCore(Limits limits) : limits_(limits), answers_(usual_answer) {}

FakeCore::~FakeCore() { stop(); }

void FakeCore::run() {
    thread_ = std::thread([this] { take_turns(); });
}

void FakeCore::stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
}

void FakeCore::take_turns() {
    while (context_.run_one() > 0) {
        for (int i = 0; i < 512 && context_.poll_one() > 0; ++i) {
        }
        end_turn();
    }
}

void FakeCore::end_turn() {
    for (auto& write : std::exchange(turn_end_, {})) write();
}

void FakeCore::on_loop(std::function<void()> job) {
    std::promise<void> done;
    boost::asio::post(context_, [&] {
        job();
        done.set_value();
    });
    if (done.get_future().wait_for(kDeadline) != std::future_status::ready) throw std::runtime_error("the loop hangs");
}

void FakeCore::set_answers(Answers answers) {
    const std::lock_guard lock{mutex_};
    answers_ = std::move(answers);
}

std::uint64_t FakeCore::submit(Request request, OnReply on_reply) {
    const std::lock_guard lock{mutex_};
    requests_.push_back(request);
    changed_.notify_all();
    if (!on_reply) return 0;
    const auto number = requests_.size();
    auto answer = answers_(request);
    if (!answer) {
        held_.push_back({std::move(request), std::move(on_reply)});
        return number;
    }
    boost::asio::post(context_, [answer = *std::move(answer), on_reply = std::move(on_reply)]() mutable { on_reply(std::move(answer)); });
    return number;
}

std::size_t FakeCore::release(std::function<Result<Response>(const Request&)> answer) {
    std::size_t count = 0;
    on_loop([&] {
        std::vector<Held> held;
        {
            const std::lock_guard lock{mutex_};
            held = std::exchange(held_, {});
        }
        count = held.size();
        for (auto& each : held) each.on_reply(answer(each.request));
    });
    return count;
}

std::size_t FakeCore::held() {
    const std::lock_guard lock{mutex_};
    return held_.size();
}

SessionId FakeCore::open_session(SessionSink& sink) {
    const std::lock_guard lock{mutex_};
    sinks_.push_back(&sink);
    return SessionId{sinks_.size()};
}

void FakeCore::close_session(SessionId session) {
    const std::lock_guard lock{mutex_};
    sinks_.at(session.value - 1) = nullptr;
}

SessionSink& FakeCore::sink(std::size_t nth) {
    const std::lock_guard lock{mutex_};
    return *sinks_.at(nth - 1);
}

std::size_t FakeCore::open_sessions() {
    const std::lock_guard lock{mutex_};
    return static_cast<std::size_t>(std::ranges::count_if(sinks_, [](auto* sink) { return sink != nullptr; }));
}

void FakeCore::hash_password(std::string password, OnHash on_hash) {
    boost::asio::post(context_,
                      [password = std::move(password), on_hash = std::move(on_hash)]() mutable { on_hash("hash of " + password); });
}

// Recognises {"pass":"NAME"}; with {"down":…} the plugin doesn't answer.
void FakeCore::identify(std::string credentials, OnIdentified on_identified) {
    boost::asio::post(context_, [credentials = std::move(credentials), on_identified = std::move(on_identified)]() mutable {
        constexpr std::string_view kPass = "{\"pass\":\"";
        if (credentials.starts_with("{\"down\""))
            return on_identified(fail(Code::plugin_unavailable, "down", std::chrono::milliseconds{1'000}));
        if (!credentials.starts_with(kPass)) return on_identified(fail(Code::unauthenticated, "no such pass"));
        auto name = credentials.substr(kPass.size(), credentials.size() - kPass.size() - 2);
        on_identified(Identified{{std::move(name), "", {}}, "gate"});
    });
}

void FakeCore::verify_password(std::string password, std::string hash, OnVerified on_verified) {
    boost::asio::post(context_, [is_right = password == hash, on_verified = std::move(on_verified)]() mutable { on_verified(is_right); });
}

// ---- FakeServer ---------------------------------------------------------------------------------------------------------------------

FakeServer::FakeServer(Limits limits, ListenOptions options, std::size_t loops) {
    init_crypto();
    options.port = 0;
    std::vector<LoopRef> refs;
    for (std::size_t i = 0; i < loops; ++i) {
        cores_.push_back(std::make_unique<FakeCore>(limits));
        refs.push_back({cores_.back()->context(), *cores_.back()});
    }
    listener_ = std::make_unique<Listener>(refs, options);
    port_ = listener_->listen().value();
    for (const auto& core : cores_) core->run();
}

FakeServer::~FakeServer() {
    stop_loops();
    listener_ = nullptr;
}

void FakeServer::stop_loops() {
    for (const auto& core : cores_) core->stop();
}

}  // namespace madang::net::test
