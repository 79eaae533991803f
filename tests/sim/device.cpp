#include "device.hpp"

#include "check.hpp"
#include "store/keys.hpp"
#include "store/records.hpp"

namespace madang::sim {
namespace {

bool is(const std::optional<Result<Response>>& answer, Code code) { return answer && !*answer && answer->error().code == code; }

}  // namespace

Device::Device(Context& context, Model& model, Network& network, Town& town, Person& person, bool polls)
    : context_(context), model_(model), network_(network), town_(town), person_(person), polls_(polls) {}

void Device::start() {
    // Exponential pauses would be prettier; what matters is that two devices never keep step.
    const auto pause =
        context_.calm ? (context_.is_at_rest ? Micros{150ms} : Micros{10ms}) : context_.dice.between(Micros{200}, context_.plan.think * 2);
    context_.schedule.after(pause, [this] {
        act();
        start();
    });
}

void Device::act() {
    if (is_logging_in_ || has_left_) return;
    if (!person_.id) return sign_up();
    if (!id_) return log_in();
    if (!polls_ && !session_) return connect();
    context_.calm ? finish() : do_something();
}

void Device::ask(Request request, std::move_only_function<void(const Answer&)> then) {
    ++busy_;
    network_.http(std::move(request), [this, then = std::move(then)](Answer answer) mutable {
        --busy_;
        if (then) then(answer);
    });
}

// ---- log-in -----------------------------------------------------------------------------------------------------------------------------

void Device::sign_up() {
    is_logging_in_ = true;
    SignUp request;
    // Every device tries, in its own spelling: one account all the same.
    request.username = person_.username;
    if (context_.dice.chance(0.3)) request.username[0] = static_cast<char>(request.username[0] - 'a' + 'A');
    request.display_name = "called " + person_.username;
    request.password_hash = "hash";
    ask(std::move(request), [this](const Answer& answer) {
        is_logging_in_ = false;
        if (const auto* account = ok<Account>(answer)) person_.id = account->profile.id;
        if (!is(answer, Code::username_taken)) return;
        // An earlier attempt has got through.
        is_logging_in_ = true;
        ask(FindAccount{person_.username}, [this](const Answer& found) {
            is_logging_in_ = false;
            if (const auto* account = ok<Account>(found)) person_.id = account->profile.id;
        });
    });
}

void Device::log_in() {
    is_logging_in_ = true;
    if (person_.is_stranger) model_.set_stranger(person_.id);
    OpenSession request;
    request.user = person_.id;
    request.device_name = "device";
    request.platform = "sim";
    request.secret_hash = secret_of(person_.id);
    ask(std::move(request), [this](const Answer& answer) {
        is_logging_in_ = false;
        const auto* opened = ok<SessionOpened>(answer);
        if (!opened) return;
        id_ = opened->device;
        // The first device of a person shows the whole inbox, the others begin at log-in.
        const auto from = person_.devices.front() == this ? Cursor{} : opened->cursor;
        base_ = read_ = saved_ = from;
    });
}

// The device has been signed out: the person logs in again on it, as a new one.
void Device::forget() {
    if (session_) network_.close(*std::exchange(session_, std::nullopt));
    attempts_.clear();
    is_live_ = false;
    id_ = {};
}

void Device::connect() {
    is_logging_in_ = true;
    Authenticate request;
    request.user = person_.id;
    request.device = id_;
    request.secret_hash = secret_of(person_.id);
    ask(std::move(request), [this, id = id_](const Answer& answer) {
        is_logging_in_ = false;
        if (id != id_) return;  // signed out meanwhile
        if (is(answer, Code::unauthenticated)) return forget();
        if (!ok<Authenticated>(answer)) return;
        session_ = network_.open(*this, actor());
        if (!session_) return;
        watched_.clear();
        presence_.clear();
        acked_ = {};  // a crash may have forgotten it
        // A device that has lost its memory's newest part goes on from what it has stored.
        const bool from_now = read_ == base_ && base_ != Cursor{} && context_.fault(0.2);
        attach(from_now ? std::nullopt : std::optional(saved_));
    });
}

void Device::attach(std::optional<Cursor> from) {
    context_.trace.note("attach", session_->value, person_.id.value, from ? from->value : 0, from.has_value());
    attempts_.push_back({from, model_.shown(person_.id)});
    network_.post(*session_, Attach{*session_, person_.id, from});
}

// ---- the socket -------------------------------------------------------------------------------------------------------------------------

void Device::on_attached(Cursor tail) {
    expect(!attempts_.empty(), "attached without having asked");
    const auto attempt = attempts_.front();
    attempts_.pop_front();
    expect(!attempt.from || attempt.from->value < kAhead, "attached beyond the tail");
    expect(tail >= attempt.shown, "attached at a tail behind what was shown");
    expect(!attempt.from || tail >= *attempt.from, "attached at a tail behind the cursor");
    if (!attempt.from) base_ = read_ = saved_ = tail;
    position_ = attempt.from.value_or(tail);
    is_live_ = true;
}

void Device::on_events(const std::vector<Event>& events) {
    expect(is_live_, "events before attached, or after resync");
    for (const auto& event : events) {
        expect(event.cursor == next(position_),
               "a socket of user " + to_string(person_.id) + " skips from " + to_string(position_) + " to " + to_string(event.cursor));
        position_ = event.cursor;
        read_ = std::max(read_, position_);
        if (context_.dice.chance(0.8)) saved_ = std::max(saved_, position_);
    }
}

void Device::on_resync(const ResyncRequired& why) {
    expect(!attempts_.empty(), "resync without having asked");
    const auto attempt = attempts_.front();
    attempts_.pop_front();
    expect(attempt.from && attempt.from->value >= kAhead && why.reason == ResyncReason::ahead, "resync without a cause");
    expect(why.cursor >= attempt.shown, "resync at a tail behind what was shown");
    is_live_ = false;
    if (attempts_.empty()) attach(saved_);
}

void Device::on_close_code(CloseCode code) {
    // Turned away because too many wait for cold state: it comes again.
    const bool may_fail = context_.plan.limits.parked_requests < Limits{}.parked_requests || context_.plan.read_errors > 0;
    if (code == CloseCode::internal_error && may_fail) return;
    expect(code == CloseCode::session_revoked, "a socket is closed with " + std::to_string(static_cast<int>(code)));
    const bool good = model_.is_signed_in(actor());
    expect(!good, "the socket of a good device is closed");
    forget();
}

void Device::on_closed() {
    session_.reset();
    attempts_.clear();
    is_live_ = false;
}

// ---- in calm ----------------------------------------------------------------------------------------------------------------------------

void Device::poll(Millis wait) {
    if (is_polling_) return;
    is_polling_ = true;
    const auto limit = static_cast<std::uint32_t>(context_.dice.between(1, 20));
    ask(Sync{actor(), saved_, limit, wait}, [this, from = saved_, id = id_](const Answer& answer) {
        is_polling_ = false;
        if (id != id_) return;
        if (is(answer, Code::unauthenticated)) return forget();
        const auto* page = ok<SyncPage>(answer);
        // Meanwhile the socket may have brought the same, and more.
        if (!page || page->cursor <= saved_ || from > read_) return;
        saved_ = page->cursor;
        read_ = std::max(read_, saved_);
    });
}

void Device::finish() {
    if (polls_)
        poll(context_.dice.chance(0.3) ? 200ms : 0ms);
    else if (session_ && acked_ < read_)
        acknowledge_by_socket();
    if (busy_ > 2 || person_.devices.front() != this) return;
    if (!person_.unsent.empty()) {
        auto unsent = person_.unsent.front();
        person_.unsent.pop_front();
        put(std::move(unsent.send), unsent.by_socket && session_);
    }
    if (!person_.unmade.empty()) {
        auto create = person_.unmade.back();
        person_.unmade.pop_back();
        make(std::move(create));
    }
}

bool Device::is_settled(Cursor tail) const {
    if (person_.is_gone) return busy_ == 0 && !is_logging_in_ && !session_;
    if (person_.is_leaving) return false;
    if (!person_.id || !id_ || is_logging_in_) return false;
    if (busy_ > (is_polling_ ? 1u : 0u) || !person_.unsent.empty() || !person_.unmade.empty()) return false;
    if (polls_) return read_ == tail;
    return session_ && is_live_ && attempts_.empty() && read_ == tail && position_ == tail;
}

bool Device::acks_are_stored(const Store& store) const {
    if (!id_ || has_left_) return true;  // who is gone acks no more
    if (!polls_ && acked_ != read_) return false;
    const auto row = store.get(Table::device, device_key(person_.id, id_));
    if (!row || !*row) return row.has_value();  // signed out: polls here don't ask for the token again
    const auto device = decode_device(id_, **row);
    return device && device->acked >= (polls_ ? saved_ : acked_);
}

std::string Device::describe() const {
    return person_.username + " user " + to_string(person_.id) + " device " + to_string(id_) + (polls_ ? " polls" : "") +
           (session_ ? " session " + to_string(*session_) : " offline") + (is_live_ ? " live" : "") + " read " + to_string(read_) +
           " position " + to_string(position_) + " busy " + std::to_string(busy_) + " unsent " + std::to_string(person_.unsent.size());
}

}  // namespace madang::sim
