#include "bindings.hpp"

PYBIND11_MODULE(_core, module) {
    module.doc() = "madang's server. Use it through `madang`.";
    module.attr("version") = MADANG_VERSION;
    madang::bindings::bind_errors(module);
    madang::bindings::bind_config(module);
    madang::bindings::bind_plugins(module);
    madang::bindings::bind_server(module);
    madang::bindings::bind_fork(module);
    madang::bindings::bind_admin(module);
}
