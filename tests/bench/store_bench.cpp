// What the store costs: time and processor an append, memory, and the time of a restart.
//
//   store_bench append FOLDER          1 and 64 messages (of four rows) a sync
//   store_bench fill FOLDER MESSAGES   that many, 64 a sync; then ends without closing, as a killed process
//   store_bench open FOLDER            how long it takes to open what is there, and the memory afterwards
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include <sys/resource.h>
#include <unistd.h>

#include "base/digest.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"
#include "store/rocks/rocks_store.hpp"

namespace madang {
namespace {

using Clock = std::chrono::steady_clock;

double us_since(Clock::time_point start) { return std::chrono::duration<double, std::micro>(Clock::now() - start).count(); }

double cpu_us() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto us = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
    return us(used.ru_utime) + us(used.ru_stime);
}

double resident_mib() {
    std::ifstream file("/proc/self/statm");
    std::size_t size = 0, resident = 0;
    file >> size >> resident;
    return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

std::unique_ptr<RocksStore> open_or_exit(const char* folder) {
    auto store = RocksStore::open({.path = folder});
    if (store) return std::move(*store);
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    std::exit(1);
}

// Messages of 100 bytes between pairs: an entry, its key, an item in two inboxes.
class Messages {
  public:
    void add(Batch& batch) {
        const auto n = count_++;
        const auto pair = 1 + n % 1000;
        const ConversationId conversation{pair << 12};
        const UserId sender{pair << 13}, receiver{(pair << 13) + 1};
        const Seq seq{1 + n / 1000};
        entry_.conversation_id = conversation;
        entry_.seq = seq;
        entry_.message = {MessageId{n + 1}, sender, std::to_string(n), std::string(100, 'x'), {}, {}, false};
        put(batch, Table::message, message_key(conversation, seq), entry_);
        put(batch, Table::send_key, send_key(conversation, sender, entry_.message.client_id), SendKey{seq, {}});
        put(batch, Table::inbox, inbox_key(sender, Cursor{seq.value}), InboxItem{conversation, seq});
        put(batch, Table::inbox, inbox_key(receiver, Cursor{seq.value}), InboxItem{conversation, seq});
    }

  private:
    template <typename Record>
    void put(Batch& batch, Table table, std::string_view key, const Record& record) {
        value_.clear();
        encode(record, value_);
        batch.put(table, key, value_);
    }

    std::uint64_t count_ = 0;
    Entry entry_;
    std::string value_;
};

void write(RocksStore& store, Messages& messages, std::uint64_t count, std::uint64_t a_sync) {
    Batch batch;
    for (std::uint64_t done = 0; done < count; done += a_sync) {
        batch.clear();
        for (std::uint64_t i = 0; i < a_sync; ++i) messages.add(batch);
        if (store.append(batch) != Outcome::durable) std::exit(2);
    }
}

void report(const char* what, std::uint64_t messages, double wall, double cpu) {
    const auto n = static_cast<double>(messages);
    std::printf("%-24s %8.0f messages/s  %7.2f us a message  %6.2f us a row  cpu %6.2f us a message, %5.2f a row\n", what, n / wall * 1e6,
                wall / n, wall / n / 4, cpu / n, cpu / n / 4);
}

void append(const char* folder) {
    const auto store = open_or_exit(folder);
    Messages messages;
    for (const std::uint64_t a_sync : {1, 64, 480}) {
        const std::uint64_t count = a_sync == 1 ? 5'000 : 200'000 / a_sync * a_sync;
        const auto start = Clock::now();
        const auto cpu = cpu_us();
        write(*store, messages, count, a_sync);
        report((std::to_string(a_sync) + " a sync").c_str(), count, us_since(start), cpu_us() - cpu);
    }
    std::printf("resident %.1f MiB\n", resident_mib());
}

[[noreturn]] void fill(const char* folder, std::uint64_t count) {
    const auto store = open_or_exit(folder);
    Messages messages;
    const auto start = Clock::now();
    const auto cpu = cpu_us();
    write(*store, messages, count, 64);
    report("fill, 64 a sync", count, us_since(start), cpu_us() - cpu);
    std::printf("resident %.1f MiB\n", resident_mib());
    std::fflush(stdout);
    ::_exit(0);
}

void open(const char* folder) {
    const auto start = Clock::now();
    const auto store = open_or_exit(folder);
    const auto opened = us_since(start);
    if (!store->claim_all()) std::exit(3);
    std::printf("opened in %.1f ms, claimed in %.1f ms, resident %.1f MiB\n", opened / 1e3, (us_since(start) - opened) / 1e3,
                resident_mib());
}

}  // namespace
}  // namespace madang

int main(int argc, char** argv) {
    const std::string_view verb = argc > 2 ? argv[1] : "";
    if (verb == "append") return madang::append(argv[2]), 0;
    if (verb == "fill" && argc > 3) madang::fill(argv[2], std::strtoull(argv[3], nullptr, 10));
    if (verb == "open") return madang::open(argv[2]), 0;
    std::fprintf(stderr, "usage: store_bench append|fill|open FOLDER [MESSAGES]\n");
    return 2;
}
