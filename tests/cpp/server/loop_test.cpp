#include "server/loop.hpp"

#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "server/discovery.hpp"
#include "server/requester.hpp"
#include "store/memory_store.hpp"

namespace madang::server {
namespace {

using namespace std::chrono_literals;

struct LoopShape {
    unsigned engines;
    unsigned loops;
    bool committer_thread;
};

// Loops with engines over a store in memory, and a way to ask them from the test's thread.
class LoopTest : public ::testing::TestWithParam<LoopShape> {
  protected:
    static void SetUpTestSuite() { init_crypto(); }
    ~LoopTest() override { stop(); }

    void start(bool sign_up_open = true, std::size_t password_queue = 64) {
        const auto [engines, count, threaded] = GetParam();
        readers_ = std::make_unique<ReaderPool>(
            2, store_, limits_, engines, [this](std::uint32_t loop, ReadAnswers answers) { loops_[loop]->deliver(std::move(answers)); });
        passwords_ = std::make_unique<PasswordPool>(
            1, password_queue, [this](std::uint32_t loop, PasswordAnswer answer) { loops_[loop]->deliver(std::move(answer)); });
        if (threaded) committer_ = std::make_unique<CommitterThread>(store_, figures_);
        services_ = std::make_unique<LoopServices>(LoopServices{
            .store = store_,
            .clock = clock_,
            .limits = limits_,
            .discovery = discovery_,
            .readers = *readers_,
            .passwords = *passwords_,
            .loops = loops_,
            .engines = engines,
            .loop_count = count,
            .sign_up_open = sign_up_open,
            .ready = ready_,
            .metrics = [] { return std::string{"figures"}; },
            .on_lost = [this](Outcome) { lost_count_.fetch_add(1); },
        });
        const auto epoch = store_.claim_all().value();
        for (unsigned i = 0; i < count; ++i) {
            std::optional<EngineOptions> engine;
            if (i < engines) {
                engine = EngineOptions{.index = static_cast<EngineIndex>(i),
                                       .engines = engines,
                                       .worker = static_cast<std::uint16_t>(i),
                                       .epoch = epoch,
                                       .text_key = {},
                                       .limits = limits_};
            }
            const Loop::MakeCommitter make = [&](CommitCallbacks callbacks) -> std::unique_ptr<Committer> {
                if (threaded) return committer_->lane(std::move(callbacks));
                inline_figures_.push_back(std::make_unique<CommitFigures>());
                return std::make_unique<InlineCommitter>(store_, std::move(callbacks), *inline_figures_.back());
            };
            loops_.push_back(std::make_unique<Loop>(i, *services_, std::move(engine), make, threaded));
        }
        for (auto& loop : loops_) threads_.emplace_back([&loop] { loop->run(); });
    }
    void stop() {
        if (committer_) committer_->stop();
        for (auto& loop : loops_) loop->stop();
        for (auto& thread : threads_) thread.join();
        threads_.clear();
        if (readers_) readers_->stop();
        if (passwords_) passwords_->stop();
    }

    Loop& last_loop() { return *loops_.back(); }
    Loop& loop_of(UserId user) { return *loops_[owner_of(slot_of(user), GetParam().engines)]; }
    // On the loop's thread; what it answers.
    template <typename Work>
    auto on(Loop& loop, Work work) {
        using Answer = std::invoke_result_t<Work&, Loop&>;
        auto promise = std::make_shared<std::promise<Answer>>();
        auto future = promise->get_future();
        loop.post([promise, work = std::move(work)](Loop& it) mutable {
            if constexpr (std::is_void_v<Answer>) {
                work(it);
                promise->set_value();
            } else {
                promise->set_value(work(it));
            }
        });
        return future.get();
    }
    static SignUp signing_up(const std::string& name) {
        return {.username = name, .display_name = {}, .password_hash = {}, .origin = "password", .roles = {}};
    }
    // A user with a device.
    Actor person(const std::string& name) {
        Requester requester{last_loop()};
        const auto account = std::get<Account>(requester.ask(signing_up(name)).value());
        const auto session = requester.ask(OpenSession{.user = account.profile.id, .device_name = {}, .platform = {}, .secret_hash = {}});
        return {account.profile.id, std::get<SessionOpened>(session.value()).device};
    }
    bool idle_within(std::chrono::milliseconds limit) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        const auto idle = [&] { return std::ranges::all_of(loops_, [](const auto& loop) { return loop->is_idle(); }); };
        while (!idle() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
        return idle();
    }

    MemoryStore store_;
    SystemClock clock_;
    Limits limits_;
    OneServer discovery_{"here"};
    std::atomic<bool> ready_{true};
    std::atomic<int> lost_count_{0};
    CommitFigures figures_;
    std::vector<std::unique_ptr<CommitFigures>> inline_figures_;
    std::unique_ptr<ReaderPool> readers_;
    std::unique_ptr<PasswordPool> passwords_;
    std::unique_ptr<CommitterThread> committer_;
    std::unique_ptr<LoopServices> services_;
    std::vector<std::unique_ptr<Loop>> loops_;
    std::vector<std::thread> threads_;
};

// What a socket would see; on its loop's thread, but for the wait.
class Sink final : public net::SessionSink {
  public:
    void on_attached(Cursor cursor) override { note("attached " + to_string(cursor)); }
    void on_event(Cursor cursor, Role, const EntryPtr&) override { note("event " + to_string(cursor)); }
    void on_page(std::span<const Event> events) override {
        for (const auto& event : events) note("event " + to_string(event.cursor));
    }
    void on_signal(const Signal&) override { note("signal"); }
    void on_resync(const ResyncRequired&) override { note("resync"); }
    void on_close(CloseCode code) override { note("close " + std::to_string(static_cast<int>(code))); }
    void note(std::string what) {
        const std::lock_guard lock{mutex_};
        seen_.push_back(std::move(what));
        changed_.notify_all();
    }
    std::vector<std::string> wait_for(std::size_t count) {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, 10s, [&] { return seen_.size() >= count; });
        return seen_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> seen_;
};

TEST_P(LoopTest, any_loop_reaches_the_engine_of_any_user) {
    start();
    std::vector<Request> sign_ups;
    for (int i = 0; i < 200; ++i) sign_ups.push_back(signing_up("user" + std::to_string(i)));
    for (const auto& answer : Requester{*loops_.front()}.ask_all(std::move(sign_ups))) ASSERT_TRUE(answer) << answer.error().detail;
    for (auto& loop : loops_) {
        std::vector<Request> finds;
        for (int i = 0; i < 200; ++i) finds.push_back(FindAccount{"user" + std::to_string(i)});
        const auto found = Requester{*loop}.ask_all(std::move(finds));
        for (int i = 0; i < 200; ++i) {
            ASSERT_TRUE(found[static_cast<std::size_t>(i)]);
            EXPECT_EQ(std::get<Account>(*found[static_cast<std::size_t>(i)]).profile.username, "user" + std::to_string(i));
        }
    }
    EXPECT_TRUE(idle_within(5s));
}

TEST_P(LoopTest, answer_never_comes_from_inside_the_call) {
    start();
    auto answered = std::make_shared<std::promise<bool>>();
    last_loop().post([answered](Loop& loop) {
        auto inside = std::make_shared<bool>(true);
        loop.submit(FindAccount{"nobody"}, [answered, inside](const Result<Response>&) { answered->set_value(*inside); });
        *inside = false;
    });
    auto future = answered->get_future();
    ASSERT_EQ(future.wait_for(5s), std::future_status::ready);
    EXPECT_FALSE(future.get());
}

TEST_P(LoopTest, attached_session_sees_every_event_once_and_in_order) {
    start();
    const auto anna = person("anna");
    const auto bob = person("bob");
    auto& loop = loop_of(bob.user);
    Sink sink;
    const auto session = on(loop, [&](Loop& it) {
        const auto opened = it.open_session(sink);
        it.submit(Connect{opened, loop.index(), bob}, {});
        it.submit(Attach{opened, bob.user, {}}, {});
        return opened;
    });
    EXPECT_EQ(sink.wait_for(1).at(0), "attached 0");
    std::vector<Request> sends;
    for (int i = 0; i < 300; ++i) sends.push_back(Send{anna, {}, bob.user, "c" + std::to_string(i), "text"});
    for (const auto& answer : Requester{last_loop()}.ask_all(std::move(sends))) ASSERT_TRUE(answer) << answer.error().detail;
    const auto seen = sink.wait_for(1 + 303);
    ASSERT_GE(seen.size(), 301u);
    for (std::size_t i = 1; i < seen.size(); ++i) EXPECT_EQ(seen[i], "event " + std::to_string(i));
    on(loop, [&](Loop& it) {
        it.submit(Detach{session, bob.user, clock_.tick()}, {});
        it.close_session(session);
    });
}

TEST_P(LoopTest, sockets_write_at_the_end_of_the_turn_after_its_events) {
    start();
    const auto bob = person("bob");
    auto& loop = loop_of(bob.user);
    Sink sink;
    on(loop, [&](Loop& it) {
        const auto opened = it.open_session(sink);
        it.submit(Connect{opened, loop.index(), bob}, {});
        it.submit(Attach{opened, bob.user, {}}, {});
        if (!GetParam().committer_thread) it.at_turn_end([&] { sink.note("write"); });
    });
    if (GetParam().committer_thread) {
        EXPECT_THAT(sink.wait_for(1), ::testing::ElementsAre("attached 0"));
    } else {
        EXPECT_THAT(sink.wait_for(2), ::testing::ElementsAre("attached 0", "write"));
    }
    stop();
}

TEST_P(LoopTest, nothing_is_answered_before_it_is_durable) {
    start();
    store_.set_plan([](const Batch&) { return Fault::full; });
    auto asked = std::async(std::launch::async, [&] { return Requester{last_loop()}.ask(signing_up("anna")); });
    EXPECT_EQ(asked.wait_for(250ms), std::future_status::timeout);
    EXPECT_FALSE(idle_within(0ms));
    store_.set_plan({});
    ASSERT_EQ(asked.wait_for(5s), std::future_status::ready);
    EXPECT_TRUE(asked.get());
    EXPECT_TRUE(idle_within(5s));
}

TEST_P(LoopTest, append_in_doubt_is_repeated_and_then_answered) {
    start();
    auto doubts = std::make_shared<std::atomic<int>>(5);
    store_.set_plan([doubts](const Batch&) { return doubts->fetch_sub(1) > 0 ? Fault::in_doubt_applied : Fault::none; });
    EXPECT_TRUE(Requester{last_loop()}.ask(signing_up("anna")));
}

TEST_P(LoopTest, lost_store_is_reported_and_nothing_is_answered_any_more) {
    start();
    store_.set_plan([](const Batch&) { return Fault::failed; });
    auto answered = std::make_shared<std::promise<void>>();
    last_loop().post(
        [answered](Loop& loop) { loop.submit(signing_up("anna"), [answered](const Result<Response>&) { answered->set_value(); }); });
    EXPECT_EQ(answered->get_future().wait_for(300ms), std::future_status::timeout);
    EXPECT_GE(lost_count_.load(), 1);
}

TEST_P(LoopTest, closed_sign_up_is_for_administration_only) {
    start(false);
    const auto refused = on(last_loop(), [](Loop& loop) {
        auto code = std::make_shared<std::promise<Code>>();
        loop.submit(signing_up("anna"), [code](const Result<Response>& r) { code->set_value(r ? Code::internal : r.error().code); });
        return code->get_future().share();
    });
    ASSERT_EQ(refused.wait_for(5s), std::future_status::ready);
    EXPECT_EQ(refused.get(), Code::forbidden);
    EXPECT_TRUE(Requester{last_loop()}.ask(signing_up("anna")));
}

TEST_P(LoopTest, passwords_beyond_the_queue_are_refused_with_a_hint) {
    start(true, 1);
    std::atomic<int> made = 0, refused = 0;
    std::promise<void> all;
    last_loop().post([&](Loop& loop) {
        for (int i = 0; i < 20; ++i) {
            loop.hash_password("password", [&](const Result<std::string>& hash) {
                if (hash) {
                    ++made;
                } else if (hash.error().code == Code::unavailable && hash.error().retry_after > 0ms) {
                    ++refused;
                }
                if (made + refused == 20) all.set_value();
            });
        }
    });
    ASSERT_EQ(all.get_future().wait_for(10s), std::future_status::ready);
    EXPECT_GE(made, 1);
    EXPECT_GE(refused, 1);
}

TEST_P(LoopTest, password_is_verified_on_the_asking_loop) {
    start();
    std::promise<std::pair<bool, bool>> verdict;
    last_loop().post([&](Loop& loop) {
        const auto here = std::this_thread::get_id();
        loop.hash_password("password", [&, here](Result<std::string> hash) {
            loop.verify_password("password", *std::move(hash), [&, here](const Result<bool>& verified) {
                verdict.set_value({*verified, std::this_thread::get_id() == here});
            });
        });
    });
    auto future = verdict.get_future();
    ASSERT_EQ(future.wait_for(10s), std::future_status::ready);
    EXPECT_EQ(future.get(), std::pair(true, true));
}

TEST_P(LoopTest, loop_with_a_request_under_way_is_not_idle_but_a_long_poll_does_not_count) {
    start();
    const auto anna = person("anna");
    ASSERT_TRUE(idle_within(5s));
    auto poll = std::async(std::launch::async, [&] { return Requester{last_loop()}.ask(Sync{anna, Cursor{0}, 100, 60s}); });
    EXPECT_TRUE(idle_within(5s));
    for (auto& loop : loops_) loop->end_waits();
    EXPECT_TRUE(poll.get()) << "a drain answers it";
}

INSTANTIATE_TEST_SUITE_P(Shapes, LoopTest, ::testing::Values(LoopShape{1, 1, false}, LoopShape{3, 4, false}, LoopShape{3, 4, true}),
                         [](const auto& parameter) {
                             const auto& shape = parameter.param;
                             return std::to_string(shape.engines) + "_engines_" + std::to_string(shape.loops) + "_loops_" +
                                    (shape.committer_thread ? "thread" : "inline");
                         });

}  // namespace
}  // namespace madang::server
