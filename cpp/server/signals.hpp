// Signals belong to the program: threads of the server block them, so that they reach a thread that expects them.
#pragma once

#include <csignal>

#include <pthread.h>

namespace madang::server {

// While it lives, threads that this one makes are born with all signals blocked.
class BlockedSignals {
  public:
    BlockedSignals() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

  private:
    sigset_t before_{};
};

}  // namespace madang::server
