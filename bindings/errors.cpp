#include <utility>

#include "bindings.hpp"

namespace madang::bindings {
namespace {

// Made at import, kept by the module; the process has one interpreter only (python/madang/core.py).
struct Exceptions {
    PyObject* config = nullptr;
    PyObject* start = nullptr;
    PyObject* admin = nullptr;
    PyObject* not_running = nullptr;
};
Exceptions exceptions;

PyObject* make(py::module_& module, const char* name, PyObject* base, const char* doc) {
    const auto full_name = std::string{"madang._core."} + name;
    auto* exception = PyErr_NewExceptionWithDoc(full_name.c_str(), doc, base, nullptr);
    if (exception == nullptr) throw py::error_already_set();
    module.attr(name) = py::handle{exception};
    return exception;
}

[[noreturn]] void raise(PyObject* type, const py::tuple& args) {
    PyErr_SetObject(type, args.ptr());
    throw py::error_already_set();
}

}  // namespace

void raise_config_error(const std::vector<server::ConfigError>& errors) {
    py::tuple args{errors.size()};
    for (std::size_t i = 0; i < errors.size(); ++i) args[i] = errors[i].text();
    raise(exceptions.config, args);
}

void raise_start_error(const std::string& message) { raise(exceptions.start, py::make_tuple(message)); }

void raise_admin_error(const Error& error) { raise(exceptions.admin, py::make_tuple(std::string{name_of(error.code)}, error.detail)); }

void raise_not_running(const std::string& data) { raise(exceptions.not_running, py::make_tuple("no server runs on " + data)); }

void bind_errors(py::module_& module) {
    exceptions.config = make(module, "ConfigError", PyExc_ValueError, "The configuration is wrong; args: one str an error.");
    exceptions.start = make(module, "StartError", PyExc_RuntimeError, "The server could not start; args: (message,).");
    exceptions.admin = make(module, "AdminError", PyExc_RuntimeError, "A command was refused; args: (code, message).");
    exceptions.not_running = make(module, "NotRunning", PyExc_RuntimeError, "Nobody serves this data folder; args: (message,).");

    py::list codes;
    for (int i = 0; i < kCodes; ++i) {
        const auto code = static_cast<Code>(i);
        codes.append(py::make_tuple(std::string{name_of(code)}, http_status_of(code)));
    }
    module.attr("error_codes") = std::move(codes);
}

}  // namespace madang::bindings
