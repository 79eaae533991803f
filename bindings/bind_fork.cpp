#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "bindings.hpp"

namespace madang::bindings {
namespace {

// Exit handlers run latest first, so this one comes before the store's own, which wait for threads that a forked child doesn't have.
void end_before_static_destruction(int status, void*) {
    std::fflush(nullptr);
    _exit(status);
}

}  // namespace

void bind_fork(py::module_& module) {
    module.def(
        "after_fork_in_child",
        [](const py::list& servers) {
            servers.inc_ref();  // for good: destroying a server joins its threads
            on_exit(end_before_static_destruction, nullptr);
        },
        "In a forked child: these servers belong to the parent; nothing of them is torn down here, not even at exit.");
}

}  // namespace madang::bindings
