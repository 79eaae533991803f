#include "server/password_pool.hpp"

#include <utility>

#include "base/password.hpp"

namespace madang::server {
namespace {

constexpr Millis kOneJob{15};  // about

}  // namespace

PasswordPool::PasswordPool(unsigned threads, std::size_t queue_max, Deliver deliver) : queue_max_(queue_max), deliver_(std::move(deliver)) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

PasswordPool::~PasswordPool() { stop(); }

bool PasswordPool::try_post(PasswordJob job) {
    {
        const std::lock_guard lock{mutex_};
        if (waiting_.size() >= queue_max_) {
            ++figures_.refused;
            return false;
        }
        waiting_.push_back(std::move(job));
    }
    work_.notify_one();
    return true;
}

Millis PasswordPool::retry_after() const { return kOneJob * static_cast<int>(queue_max_ / threads_.size() + 1); }

void PasswordPool::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    work_.notify_all();
    for (auto& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

PasswordFigures PasswordPool::figures() const {
    const std::lock_guard lock{mutex_};
    auto figures = figures_;
    figures.waiting = waiting_.size();
    return figures;
}

void PasswordPool::run() {
    while (true) {
        PasswordJob job;
        {
            std::unique_lock lock{mutex_};
            work_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
            job = std::move(waiting_.front());
            waiting_.pop_front();
        }
        PasswordAnswer answer{.waiter = job.waiter, .hash = {}, .verified = false};
        if (job.hash) {
            answer.verified = verify_password(job.password, *job.hash);
        } else {
            answer.hash = hash_password(job.password);
        }
        {
            const std::lock_guard lock{mutex_};
            ++figures_.done;
        }
        deliver_(job.loop, std::move(answer));
    }
}

}  // namespace madang::server
