#include "server/reader_pool.hpp"

#include <algorithm>
#include <optional>

#include "chat/loads.hpp"
#include "chat/queries.hpp"

namespace madang::server {
namespace {

constexpr std::size_t kJobsAtOnce = 16;

// Where the answer goes if not to the engine that asked.
const ReplyTo* reply_to(const Job& job) {
    if (const auto* query = std::get_if<Query>(&job)) return &query->to;
    if (const auto* page = std::get_if<LoadInboxPage>(&job)) return page->poll ? &*page->poll : nullptr;
    return nullptr;
}

ReadAnswers& answers_of(std::vector<std::pair<std::uint32_t, ReadAnswers>>& answers, std::uint32_t loop) {
    const auto found = std::ranges::find(answers, loop, [](const auto& one) { return one.first; });
    return found == answers.end() ? answers.emplace_back(loop, ReadAnswers{}).second : found->second;
}

Loaded refused_load(const Job& job) {
    const auto no = [] { return fail(Code::unavailable, "too many reads are waiting", std::chrono::seconds{1}); };
    if (const auto* user = std::get_if<LoadUser>(&job)) return LoadedUser{user->user, no()};
    if (const auto* conversation = std::get_if<LoadConversation>(&job)) return LoadedConversation{conversation->conversation, no()};
    if (const auto* page = std::get_if<LoadInboxPage>(&job)) return LoadedInboxPage{page->user, page->session, page->attach, no()};
    if (const auto* entries = std::get_if<LoadEntries>(&job)) return LoadedEntries{entries->conversation, entries->user, no(), {}};
    if (const auto* message = std::get_if<LoadMessage>(&job))
        return LoadedMessage{message->conversation, message->seq, no(), message->for_check};
    if (const auto* recount = std::get_if<Recount>(&job)) return Recounted{recount->user, recount->conversation, no()};
    if (const auto* pushes = std::get_if<LoadPushes>(&job)) {
        LoadedPushes refused;
        for (const auto& key : pushes->keys) refused.items.push_back({key, no()});
        return refused;
    }
    if (std::holds_alternative<SweepPushes>(job)) return SweptPushes{.failed = true};
    if (const auto* delivered = std::get_if<LoadDelivered>(&job)) return LoadedDelivered{delivered->user, delivered->to, no()};
    if (std::holds_alternative<LoadUnfinished>(job)) return LoadedUnfinished{no()};
    if (const auto* leftovers = std::get_if<LoadLeftovers>(&job)) return LoadedLeftovers{leftovers->user, no()};
    return LoadedJournal{no()};
}

}  // namespace

ReaderPool::ReaderPool(unsigned threads, const Store& store, const Limits& limits, unsigned engines, Deliver deliver)
    : store_(store), limits_(limits), engines_(engines), deliver_(std::move(deliver)) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

ReaderPool::~ReaderPool() { stop(); }

void ReaderPool::post(EngineIndex from, std::vector<Job> jobs) {
    ByLoop refused;
    {
        const std::lock_guard lock{mutex_};
        for (auto& job : jobs) {
            if (waiting_.size() < kReadJobsMax) {
                waiting_.push_back({from, std::move(job)});
            } else {
                refuse({from, std::move(job)}, refused);
                ++figures_.refused;
            }
        }
    }
    if (jobs.size() > 1) {
        work_.notify_all();
    } else {
        work_.notify_one();
    }
    deliver(std::move(refused));
}

void ReaderPool::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    work_.notify_all();
    for (auto& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

ReaderFigures ReaderPool::figures() const {
    const std::lock_guard lock{mutex_};
    auto figures = figures_;
    figures.waiting = waiting_.size();
    return figures;
}

void ReaderPool::run() {
    while (true) {
        std::vector<Waiting> batch;
        {
            std::unique_lock lock{mutex_};
            work_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
            batch = take();
        }
        ByLoop answers;
        for (const auto& waiting : batch) execute(waiting, answers);
        deliver(std::move(answers));
    }
}

std::vector<ReaderPool::Waiting> ReaderPool::take() {
    // A fair share, so that one thread doesn't sit on what others could do now.
    const auto share = std::min(kJobsAtOnce, waiting_.size() / threads_.size() + 1);
    std::vector<Waiting> batch;
    while (!waiting_.empty() && batch.size() < share) {
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    figures_.done += batch.size();
    return batch;
}

void ReaderPool::execute(const Waiting& waiting, ByLoop& answers) const {
    if (const auto* to = reply_to(waiting.job)) {
        const auto* query = std::get_if<Query>(&waiting.job);
        auto reply = query != nullptr ? answer(store_, limits_, *query) : answer(store_, limits_, std::get<LoadInboxPage>(waiting.job));
        answers_of(answers, to->gateway).replies.emplace_back(to->request, std::move(reply));
    } else {
        answers_of(answers, waiting.from).loaded.push_back(load(store_, limits_, waiting.from, engines_, waiting.job));
    }
}

void ReaderPool::refuse(const Waiting& waiting, ByLoop& answers) {
    if (const auto* to = reply_to(waiting.job)) {
        auto no = fail(Code::unavailable, "too many reads are waiting", std::chrono::seconds{1});
        answers_of(answers, to->gateway).replies.emplace_back(to->request, std::move(no));
    } else {
        answers_of(answers, waiting.from).loaded.push_back(refused_load(waiting.job));
    }
}

void ReaderPool::deliver(ByLoop answers) const {
    for (auto& [loop, one] : answers) deliver_(loop, std::move(one));
}

}  // namespace madang::server
