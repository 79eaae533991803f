// simulate --seeds N [--first S] | --seed S [--trace] | --check-mutants | --list-mutants, each with [--mutant NAME]. See README.md.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.hpp"
#include "mutants.hpp"
#include "world.hpp"

namespace madang::sim {
namespace {

constexpr std::uint64_t kMutantSeeds = 500;  // every seeded bug must be caught within so many
constexpr std::uint64_t kRepeatEvery = 50;   // of the seeds run, every so many-th is run twice
constexpr std::size_t kShownSteps = 60;

struct Options {
    std::uint64_t first = 1;
    std::uint64_t seeds = 200;
    std::optional<std::uint64_t> seed;
    bool trace = false;
    bool check_mutants = false;
    bool list_mutants = false;
    Mutant mutant = Mutant::none;
    std::string mutant_name;
};

volatile std::uint64_t running_seed = 0;

// An assertion of the core ends the process: name the seed before.
void on_abort(int) {
    char line[96];
    const int size = std::snprintf(line, sizeof line, "\nassertion failed in seed %llu; repeat: simulate --seed %llu --trace\n",
                                   static_cast<unsigned long long>(running_seed), static_cast<unsigned long long>(running_seed));
    if (write(STDERR_FILENO, line, static_cast<std::size_t>(size)) < 0) _exit(4);
    _exit(3);
}

std::uint64_t run_once(std::uint64_t seed, bool trace, Figures* figures = nullptr) {
    World world(make_plan(seed), trace);
    world.run();
    if (figures) *figures += world.figures();
    return world.trace().hash();
}

// True: the seed holds.
bool run_seed(const Options& options, std::uint64_t seed, Figures& figures, bool quiet) {
    running_seed = seed;
    const auto plan = make_plan(seed);
    World world(plan, options.trace);
    try {
        world.run();
        figures += world.figures();
        if (seed % kRepeatEvery == 0 && run_once(seed, false) != world.trace().hash()) throw Violation("two runs of the same seed differ");
        if (options.seed)
            std::printf("seed %llu holds, hash %016llx\n", static_cast<unsigned long long>(seed),
                        static_cast<unsigned long long>(world.trace().hash()));
        return true;
    } catch (const Violation& violation) {
        if (quiet) return false;
        if (!options.trace) std::fputs(world.trace().tail(kShownSteps).c_str(), stdout);
        std::printf("seed %llu (%u engines at first, %u people): %s\nrepeat: simulate --seed %llu --trace%s%s\n",
                    static_cast<unsigned long long>(seed), plan.engines, plan.people, violation.what(),
                    static_cast<unsigned long long>(seed), options.mutant_name.empty() ? "" : " --mutant ", options.mutant_name.c_str());
        return false;
    }
}

int run_seeds(const Options& options) {
    Figures figures;
    const auto first = options.seed.value_or(options.first);
    const auto count = options.seed ? 1 : options.seeds;
    for (auto seed = first; seed < first + count; ++seed)
        if (!run_seed(options, seed, figures, false)) return 1;
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf(
        "%llu seeds hold: %llu steps, %.0f s of virtual time, %llu messages acked, %llu entries and %llu inbox items seen, %llu crashes\n",
        n(count), n(figures.events), std::chrono::duration<double>(figures.virtual_time).count(), n(figures.messages), n(figures.entries),
        n(figures.items), n(figures.crashes));
    return 0;
}

// In a child, since a seeded bug may well run into an assertion. How many seeds it took; none = not caught.
std::optional<std::uint64_t> seeds_to_catch(Mutant which) {
    int ends[2];
    if (pipe(ends) != 0) return std::nullopt;
    const auto child = fork();
    if (child == 0) {
        active_mutant = which;
        std::fclose(stderr);
        Options quiet;
        Figures figures;
        for (std::uint64_t seed = 1; seed <= kMutantSeeds; ++seed) {
            if (write(ends[1], &seed, sizeof seed) < 0) _exit(4);
            if (!run_seed(quiet, seed, figures, true)) _exit(1);
        }
        _exit(0);
    }
    close(ends[1]);
    std::uint64_t last = 0, seed = 0;
    while (read(ends[0], &seed, sizeof seed) == sizeof seed) last = seed;
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    const bool caught = !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return caught ? std::optional(last) : std::nullopt;
}

int check_mutants() {
    int missed = 0;
    for (const auto& [which, name] : kMutants) {
        const auto seeds = seeds_to_catch(which);
        if (seeds)
            std::printf("%-22.*s caught by seed %llu\n", static_cast<int>(name.size()), name.data(),
                        static_cast<unsigned long long>(*seeds));
        else
            std::printf("%-22.*s NOT CAUGHT within %llu seeds\n", static_cast<int>(name.size()), name.data(),
                        static_cast<unsigned long long>(kMutantSeeds)),
                ++missed;
        std::fflush(stdout);
    }
    return missed == 0 ? 0 : 1;
}

[[noreturn]] void usage() {
    std::fputs("usage: simulate [--seeds N] [--first S] [--seed S] [--trace] [--mutant NAME] [--check-mutants] [--list-mutants]\n", stderr);
    std::exit(2);
}

Options parse(int count, char** arguments) {
    Options options;
    for (int i = 1; i < count; ++i) {
        const std::string_view name = arguments[i];
        const auto value = [&] { return ++i < count ? arguments[i] : (usage(), nullptr); };
        if (name == "--seeds")
            options.seeds = std::strtoull(value(), nullptr, 10);
        else if (name == "--first")
            options.first = std::strtoull(value(), nullptr, 10);
        else if (name == "--seed")
            options.seed = std::strtoull(value(), nullptr, 10);
        else if (name == "--trace")
            options.trace = true;
        else if (name == "--check-mutants")
            options.check_mutants = true;
        else if (name == "--list-mutants")
            options.list_mutants = true;
        else if (name == "--mutant")
            options.mutant_name = value();
        else
            usage();
    }
    if (!options.mutant_name.empty()) {
        const auto which = mutant_named(options.mutant_name);
        if (!which) usage();
        options.mutant = *which;
    }
    return options;
}

}  // namespace
}  // namespace madang::sim

int main(int count, char** arguments) {
    using namespace madang::sim;
    const auto options = parse(count, arguments);
    madang::init_crypto();
    std::signal(SIGABRT, on_abort);
    if (options.list_mutants) {
        for (const auto& each : kMutants) std::printf("%.*s\n", static_cast<int>(each.name.size()), each.name.data());
        return 0;
    }
    if (options.check_mutants) return check_mutants();
    madang::active_mutant = options.mutant;
    return run_seeds(options);
}
