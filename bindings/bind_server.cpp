#include <memory>

#include "bindings.hpp"
#include "server/server.hpp"

namespace madang::bindings {

using server::Server;

void bind_server(py::module_& module) {
    using namespace py::literals;
    py::class_<Server>(module, "Server",
                       "A server in this process. Its threads never touch Python; every call that may block lets go of the GIL.")
        .def(py::init([](const std::optional<std::string>& config, const Overrides& overrides, bool handle_signals) {
                 return std::make_unique<Server>(load_or_raise(config, overrides), server::ServerOptions{.handle_signals = handle_signals});
             }),
             "config"_a = py::none(), "overrides"_a = Overrides{}, py::kw_only(), "handle_signals"_a = false)
        .def(
            "start",
            [](Server& self) {
                std::string problem;
                {
                    const py::gil_scoped_release released;
                    try {
                        self.start();
                    } catch (const server::StartError& error) {
                        problem = error.what();
                    }
                }
                if (!problem.empty()) raise_start_error(problem);
            },
            "Returns when it serves. Once only.")
        .def("wait", &Server::wait, py::call_guard<py::gil_scoped_release>(), "Blocks until stopped; the process's exit code.")
        .def("stop", &Server::stop, py::call_guard<py::gil_scoped_release>(), "Drains, closes and joins. Any thread; idempotent.")
        .def_property_readonly("url", &Server::url)
        .def_property_readonly("port", &Server::port)
        .def_property_readonly("data", &Server::data);
}

}  // namespace madang::bindings
