// One run: a town of people, the network, the server's lives one after the other, the disk that survives them, and what goes wrong.
// First everybody does things while faults happen; then faults stop, and within bounded time everything must be answered, read and at
// rest; then the audit.
#pragma once

#include <memory>
#include <vector>

#include "audit.hpp"
#include "device.hpp"
#include "network.hpp"
#include "process.hpp"
#include "walk.hpp"

namespace madang::sim {

struct Figures {
    std::uint64_t events = 0;  // of the schedule
    std::uint64_t messages = 0, entries = 0, items = 0, crashes = 0, loads = 0, evictions = 0;
    Micros virtual_time{};

    Figures& operator+=(const Figures& other);
};

class World {
  public:
    World(const Plan& plan, bool print_trace);

    // Throws Violation.
    void run();
    const Trace& trace() const { return trace_; }
    Figures figures() const;

  private:
    void populate();
    void start_process();
    void crash(bool in_good_order = false);
    void drain();
    void finish_drain(Micros deadline);
    void misfortune();
    void begin_deletions();
    void disable(UserId user, bool disabled);
    void review();
    void run_until(Micros when);
    void settle();
    std::string unsettled() const;
    std::uint64_t receipts_waiting() const;
    void check_rest();
    void part();
    void check_presence();

    Plan plan_;
    Dice dice_;
    Schedule schedule_;
    Trace trace_;
    Context context_;
    Disk disk_;
    Model model_;
    Network network_;
    std::unique_ptr<Process> process_;
    std::vector<std::unique_ptr<Ear>> ears_;
    unsigned lives_ = 0;
    bool is_draining_ = false;
    Epoch epoch_ = 0;
    std::vector<Batch> late_;  // of a process that died: reach the store when its slots have another owner
    Town town_;
    std::vector<std::unique_ptr<Person>> people_;
    std::vector<std::unique_ptr<Device>> devices_;
    Figures figures_;
};

}  // namespace madang::sim
