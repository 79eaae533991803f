#include "world.hpp"

#include "base/mutant.hpp"
#include "base/snowflake.hpp"
#include "check.hpp"

namespace madang::sim {
namespace {

constexpr Time kDawn = kIdEpoch + std::chrono::days{400};
constexpr Micros kRestWithin = 90s;  // virtual; repeats back off to 8 s
constexpr Micros kMisfortuneEvery = 50ms;

}  // namespace

Figures& Figures::operator+=(const Figures& other) {
    events += other.events, messages += other.messages, entries += other.entries, items += other.items;
    crashes += other.crashes, loads += other.loads, evictions += other.evictions, virtual_time += other.virtual_time;
    return *this;
}

World::World(const Plan& plan, bool print_trace)
    : plan_(plan),
      dice_(plan.seed),
      schedule_(kDawn),
      trace_(schedule_, print_trace),
      context_{plan_, dice_, schedule_, trace_},
      model_(context_, disk_),
      network_(context_, model_) {
    disk_.set_on_append([this](const Batch& batch) { model_.pushes().on_append(batch); });
}

void World::populate() {
    for (unsigned i = 0; i <= plan_.people; ++i) {
        auto& person = *people_.emplace_back(std::make_unique<Person>());
        person.is_stranger = i == plan_.people;
        person.username = person.is_stranger ? "stranger" : "person" + std::to_string(i);
        const auto devices = person.is_stranger ? 1 : dice_.between(1, plan_.devices_max);
        for (std::uint64_t d = 0; d < devices; ++d) {
            const bool polls = dice_.chance(0.25);
            devices_.push_back(std::make_unique<Device>(context_, model_, network_, town_, person, polls));
            person.devices.push_back(devices_.back().get());
        }
        town_.people.push_back(&person);
    }
    for (auto& device : devices_) device->start();
}

// ---- the server's lives -----------------------------------------------------------------------------------------------------------------

void World::start_process() {
    const auto epoch = mutant(Mutant::no_claim) && epoch_ != 0 ? Result<Epoch>(epoch_) : disk_.claim_all();
    expect(epoch.has_value(), "the slots can't be claimed");
    epoch_ = *epoch;
    for (const auto& batch : std::exchange(late_, {})) expect(disk_.append(batch) == Outcome::fenced, "a batch of a dead owner is taken");
    const auto engines = plan_.engines_change && figures_.crashes > 0 ? static_cast<unsigned>(dice_.between(1, 3)) : plan_.engines;
    trace_.note("start", engines, *epoch);
    std::vector<Ear*> ears;
    for (unsigned i = 0; i < std::min(plan_.ears, lives_ + 1); ++i) {
        if (i == ears_.size()) ears_.push_back(std::make_unique<Ear>());
        ears.push_back(ears_[i].get());
    }
    ++lives_;
    process_ = std::make_unique<Process>(context_, disk_, network_, engines, *epoch, std::move(ears));
    network_.use(process_.get());
}

void World::crash(bool in_good_order) {
    if (!process_) return;
    ++figures_.crashes;
    is_draining_ = false;
    trace_.note("crash", figures_.crashes);
    for (const auto& ear : ears_) ear->shake();
    late_ = process_->crash();
    network_.on_crash();
    model_.on_crash(in_good_order);
    process_.reset();
    if (dice_.chance(plan_.wall_steps_back)) schedule_.clock().set_wall(schedule_.clock().now() - Millis{dice_.between(1, 5000)});
    schedule_.after(dice_.between(Micros{1ms}, Micros{200ms}), [this] { start_process(); });
}

void World::drain() {
    if (!process_ || is_draining_) return;
    is_draining_ = true;
    trace_.note("drain");
    network_.on_drain();
    process_->end_waits();
    finish_drain(schedule_.now() + Micros{40s});
}

void World::finish_drain(Micros deadline) {
    if (!is_draining_) return;  // crashed meanwhile
    expect(schedule_.now() < deadline, "a drain does not end: " + process_->describe());
    if (network_.unanswered() > 0 || network_.has_open_sockets() || !process_->is_idle())
        return schedule_.after(Micros{10ms}, [this, deadline] { finish_drain(deadline); });
    crash(true);
    expect(late_.empty(), "a drain leaves something unwritten");
    for (const auto& ear : ears_) ear->on_clean_end();
}

void World::misfortune() {
    if (context_.calm) return;
    schedule_.after(kMisfortuneEvery, [this] { misfortune(); });
    const auto per_step = std::chrono::duration<double>(kMisfortuneEvery).count();
    if (dice_.chance(plan_.wall_steps_back * per_step)) {
        trace_.note("wall back");
        schedule_.clock().set_wall(schedule_.clock().now() - Millis{dice_.between(1, 2000)});
    }
    if (plan_.reviews > 0 && dice_.chance(plan_.reviews * per_step)) review();
    if (dice_.chance(plan_.stalls * per_step)) context_.stalled_until = schedule_.now() + dice_.between(Micros{10ms}, Micros{700ms});
    if (dice_.chance(plan_.disabled * per_step)) {
        const auto& person = dice_.pick(people_);
        if (person->id) disable(person->id, true);
    }
    if (dice_.chance(plan_.disk_full * per_step)) {
        disk_.set_space(false);
        schedule_.after(dice_.between(Micros{10ms}, Micros{300ms}), [this] { disk_.set_space(true); });
    }
}

void World::begin_deletions() {
    Dice dice(plan_.seed + 7);  // of its own: without deletions the world is the same
    for (unsigned i = 0; i < plan_.deletions; ++i) {
        auto* device = people_.at(dice.below(plan_.people))->devices.front();
        schedule_.after(dice.between(Micros{300ms}, plan_.active), [device] { device->delete_account(); });
    }
}

// An operator looks at a page of what waits for review and decides some of it, perhaps twice, perhaps both ways at once.
void World::review() {
    const ListHeld list{
        .actor = {UserId{1 + dice_.below(kSlots)}, DeviceId{1}}, .limit = static_cast<std::uint32_t>(dice_.between(1, 8)), .after = {}};
    network_.http(list, [this](std::optional<Result<Response>> answer) {
        const auto* page = answer && *answer ? std::get_if<HeldPage>(&**answer) : nullptr;
        if (!page) return;
        for (const auto& held : page->held) {
            if (dice_.chance(0.4)) continue;
            const auto release = dice_.chance(0.6);
            network_.http(Review{held.id, release}, [](auto) {});
            if (dice_.chance(0.3)) network_.http(Review{held.id, dice_.chance(0.8) == release}, [](auto) {});
        }
    });
}

void World::disable(UserId user, bool disabled) {
    network_.http(DisableAccount{user, disabled}, [this, user, disabled](std::optional<Result<Response>> answer) {
        if (disabled) {
            schedule_.after(dice_.between(Micros{10ms}, Micros{300ms}), [this, user] { disable(user, false); });
        } else if (!answer || !*answer) {
            disable(user, false);
        }
    });
}

// ---- the run ----------------------------------------------------------------------------------------------------------------------------

void World::run_until(Micros when) {
    while (schedule_.now() < when && schedule_.run_one()) {
    }
}

void World::run() {
    populate();
    start_process();
    misfortune();
    for (unsigned i = 0; i < plan_.crashes; ++i) schedule_.after(dice_.between(Micros{50ms}, plan_.active), [this] { crash(); });
    begin_deletions();
    if (plan_.drains) schedule_.after(dice_.between(Micros{50ms}, plan_.active), [this] { drain(); });
    run_until(plan_.active);
    do {
        settle();
        check_rest();
    } while (!unsettled().empty());  // a late request may have stirred something up
    part();
    // What those who left have acked, while the bus was bad.
    for (const auto deadline = schedule_.now() + Micros{20s}; receipts_waiting() > 0; run_until(schedule_.now() + Micros{50ms}))
        expect(schedule_.now() < deadline, "receipts don't come to rest");
    std::vector<std::unique_ptr<Walk>> walks;
    for (const auto& person : people_)
        if (!person->is_stranger && !person->is_gone) walks.push_back(std::make_unique<Walk>(context_, network_, *person));
    while (!std::ranges::all_of(walks, &Walk::is_done)) run_until(schedule_.now() + Micros{10ms});
    Audit audit(disk_, model_, plan_);
    audit.run();
    for (const auto& walk : walks) audit.check_walk(*walk);
    for (const auto& ear : ears_) audit.check_heard(*ear);
}

// Most watch everybody, the others hear of their friends. Then some leave, while the bus goes on to lose what it likes; 5 s after that
// everybody knows.
void World::part() {
    constexpr Micros kKnown = 5s;
    context_.is_at_rest = true;
    run_until(schedule_.now() + kKnown);
    for (const auto& device : devices_) dice_.chance(0.7) ? device->watch_all() : device->watch_nobody();
    run_until(schedule_.now() + Micros{3s});
    check_presence();
    context_.is_bus_bad = true;
    for (const auto& person : people_) {
        if (!dice_.chance(0.4)) continue;
        for (auto* device : person->devices) device->leave(dice_.chance(0.3));
    }
    run_until(schedule_.now() + plan_.limits.offline_after + Micros{1s});
    context_.is_bus_bad = false;
    run_until(schedule_.now() + kKnown);
    check_presence();
    // What is out was handed out long ago; who was open is so no more.
    constexpr Micros kPushed = 30s;
    if (!plan_.pushes.empty()) run_until(schedule_.now() + kPushed);
}

void World::check_presence() {
    std::map<UserId, bool> truth;
    for (const auto& person : people_)
        truth[person->id] = std::ranges::any_of(person->devices, [](const auto* device) { return !device->has_left(); });
    truth[kGhost] = false;
    for (const auto& device : devices_) device->check_presence(truth);
}

void World::settle() {
    context_.calm = true;
    context_.stalled_until = {};
    disk_.set_space(true);
    trace_.note("calm");
    const auto deadline = schedule_.now() + kRestWithin;
    std::string why;
    do {
        expect(schedule_.now() < deadline, "no rest: " + why);
        run_until(schedule_.now() + Micros{50ms});
        why = unsettled();
    } while (!why.empty());
}

// Empty: all is answered, read and at rest.
std::string World::unsettled() const {
    if (!process_ || is_draining_) return "the process is down";
    for (const auto& person : people_)
        for (const auto* device : person->devices)
            if ((!person->id && !person->is_gone) || !device->is_settled(stored_tail(disk_, person->id)))
                return device->describe() + ", tail " + (person->id ? to_string(stored_tail(disk_, person->id)) : "none");
    if (!process_->is_idle()) return process_->describe();
    if (const auto waiting = receipts_waiting(); waiting > 0) return std::to_string(waiting) + " receipts are on their way";
    bool journal = false;
    for (const auto table : {Table::journal, Table::relation_journal, Table::departure})
        (void)scan_all(disk_, table, [&](auto, auto) { return !(journal = true); });
    return journal ? "a journal is not empty" : "";
}

std::uint64_t World::receipts_waiting() const {
    std::uint64_t waiting = 0;
    for (const auto& shell : process_->shells()) waiting += shell->figures().receipts_waiting;
    return waiting;
}

void World::check_rest() {
    // Long polls may still wait; nothing else may. Sockets that broke last are noticed a little later, and what was acked is written
    // within a second. A receipt whose conversation found no room to be loaded comes again after 1 s, 2 s, 4 s.
    const auto deadline = schedule_.now() + Micros{20s};
    EngineFigures sum;
    std::string why;
    do {
        expect(schedule_.now() < deadline, std::to_string(network_.unanswered()) + " requests without an answer, " +
                                               std::to_string(sum.sessions) + " sessions of " + std::to_string(network_.sockets()) +
                                               " sockets, " + std::to_string(sum.pollers) + " polls that wait, " + why + ", " +
                                               process_->describe());
        run_until(schedule_.now() + Micros{20ms});
        sum = {};
        why.clear();
        for (const auto& device : devices_)
            if (!device->acks_are_stored(disk_)) why = "the ack is not stored of " + device->describe();
        if (receipts_waiting() > 0) why = "receipts are on their way";
        for (const auto& shell : process_->shells()) {
            const auto figures = shell->figures();
            sum.sessions += figures.sessions, sum.pollers += figures.pollers;
            const auto in_use = figures.sessions + figures.pollers + figures.online;
            if (figures.conversations > plan_.limits.conversations_in_memory || figures.users > plan_.limits.users_in_memory + in_use)
                why = "more in memory than allowed";
        }
    } while (network_.unanswered() != sum.pollers || sum.sessions != network_.sockets() || !why.empty());
}

Figures World::figures() const {
    auto figures = figures_;
    figures.events = schedule_.scheduled();
    figures.virtual_time = schedule_.now();
    figures.entries = model_.entries().size();
    figures.items = model_.shown_items().size();
    for (const auto& [text, fact] : model_.sends()) figures.messages += fact.acked ? 1 : 0;
    if (!process_) return figures;
    for (const auto& shell : process_->shells()) {
        figures.loads += shell->figures().loads;
        figures.evictions += shell->figures().evictions;
    }
    return figures;
}

}  // namespace madang::sim
