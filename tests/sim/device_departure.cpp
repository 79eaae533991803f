// People who have their account deleted.
#include "device.hpp"

namespace madang::sim {

void Device::delete_account() {
    constexpr Micros kAgain{30ms};
    if (person_.is_gone || person_.is_stranger) return;
    person_.is_leaving = true;
    // Whatever became of the answer: a request that was given up may still be done, and only the account itself can tell.
    if (person_.id && model_.is_deleted(person_.id)) {
        person_.is_gone = true;
        person_.unsent.clear();
        person_.unmade.clear();
        for (auto* device : person_.devices) device->has_left_ = true;
        return;
    }
    if (id_ && busy_ < 20) ask(DeleteAccount{actor()});
    context_.schedule.after(kAgain, [this] { delete_account(); });
}

}  // namespace madang::sim
