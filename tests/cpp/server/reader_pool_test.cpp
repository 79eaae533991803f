#include "server/reader_pool.hpp"

#include <future>
#include <utility>

#include <gtest/gtest.h>

namespace madang::server {
namespace {

using namespace std::chrono_literals;

// Reads wait until they are let go, and then fail.
class SlowStore final : public Store {
  public:
    Result<Epoch> claim(Slot) override { return 1; }
    Result<Epoch> claim_all() override { return 1; }
    Outcome append(const Batch&) override { return Outcome::durable; }
    Result<std::optional<std::string>> get(Table, std::string_view) const override {
        released_.wait();
        return fail(Code::internal, "a damaged row");
    }
    Result<> scan(Table, std::string_view, std::string_view, Order, const Visitor&) const override {
        released_.wait();
        return fail(Code::internal, "a damaged row");
    }
    bool has_space() const override { return true; }
    void release() {
        if (!std::exchange(is_released_, true)) promise_.set_value();
    }

  private:
    bool is_released_ = false;
    std::promise<void> promise_;
    std::shared_future<void> released_ = promise_.get_future().share();
};

struct ReleaseAtEnd {
    SlowStore& store;
    ~ReleaseAtEnd() { store.release(); }
};

// What the pool delivered, by its error codes.
class Delivered {
  public:
    ReaderPool::Deliver deliver() {
        return [this](std::uint32_t loop, ReadAnswers answers) {
            const std::lock_guard lock{mutex_};
            for (const auto& one : answers.loaded) loaded_.push_back(std::get<LoadedUser>(one).state.error().code);
            for (const auto& [request, reply] : answers.replies) replies_.emplace_back(loop, request, reply.error().code);
            changed_.notify_all();
        };
    }
    using Reply = std::tuple<std::uint32_t, std::uint64_t, Code>;
    std::vector<Code> loaded(std::size_t count) {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, 10s, [&] { return loaded_.size() >= count; });
        return loaded_;
    }
    std::vector<Reply> replies(std::size_t count) {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, 10s, [&] { return replies_.size() >= count; });
        return replies_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Code> loaded_;
    std::vector<Reply> replies_;
};

std::vector<Job> loads(std::size_t count) {
    std::vector<Job> jobs;
    for (std::size_t i = 1; i <= count; ++i) jobs.emplace_back(LoadUser{UserId{i}});
    return jobs;
}

Query query(ReplyTo to) {
    return {.to = to,
            .request = GetConversation{.actor = {UserId{1}, DeviceId{1}}, .conversation = ConversationId{5}},
            .conversations = {},
            .next = {}};
}

TEST(ReaderPool, load_goes_back_to_the_engine_and_an_answer_straight_to_its_gateway) {
    SlowStore store;
    store.release();
    const Limits limits;
    Delivered delivered;
    ReaderPool pool{2, store, limits, 3, delivered.deliver()};
    auto jobs = loads(1);
    jobs.emplace_back(query({.gateway = 2, .request = 77}));
    pool.post(1, std::move(jobs));
    EXPECT_EQ(delivered.loaded(1), std::vector{Code::internal});
    EXPECT_EQ(delivered.replies(1), (std::vector{Delivered::Reply{2, 77, Code::internal}}));
}

TEST(ReaderPool, jobs_beyond_the_limit_are_refused_at_once) {
    SlowStore store;
    const Limits limits;
    Delivered delivered;
    ReaderPool pool{1, store, limits, 1, delivered.deliver()};
    const ReleaseAtEnd release{store};  // or a failure would wait for ever
    pool.post(0, loads(2 * kReadJobsMax));
    // The thread has taken its share and hangs; now fill up again.
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (pool.figures().waiting == kReadJobsMax && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    pool.post(0, loads(kReadJobsMax - pool.figures().waiting));
    pool.post(0, {query({.gateway = 0, .request = 5})});
    EXPECT_EQ(delivered.replies(1), (std::vector{Delivered::Reply{0, 5, Code::unavailable}}));
    for (const auto code : delivered.loaded(1)) EXPECT_EQ(code, Code::unavailable);
    EXPECT_EQ(pool.figures().refused, kReadJobsMax + 1);
    EXPECT_EQ(pool.figures().waiting, kReadJobsMax);
    store.release();
    EXPECT_GE(delivered.loaded(2 * kReadJobsMax).size(), 2 * kReadJobsMax) << "everyone is answered";
}

TEST(ReaderPool, stop_drops_what_waits) {
    SlowStore store;
    const Limits limits;
    Delivered delivered;
    ReaderPool pool{1, store, limits, 1, delivered.deliver()};
    pool.post(0, loads(1'000));
    auto stopping = std::async(std::launch::async, [&] { pool.stop(); });
    store.release();
    EXPECT_EQ(stopping.wait_for(10s), std::future_status::ready);
}

}  // namespace
}  // namespace madang::server
