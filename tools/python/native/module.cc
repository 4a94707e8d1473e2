#include "engine/base/error.h"
#include "engine/base/stop.h"
#include "engine/base/version.h"
#include "tools/python/native/native.h"

namespace hardy::python {

// hardy::Error is hardy.HardyError, which the package defines.
void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Error& e) {
      const nb::object type = nb::module_::import_("hardy.errors").attr("HardyError");
      const nb::object error = type(e.problem(), e.where(), e.fix());
      PyErr_SetObject(type.ptr(), error.ptr());
    } catch (const Stopped&) {
      if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
    } catch (const std::bad_alloc&) {
      PyErr_SetString(PyExc_MemoryError, "there is not enough memory");
    }
  });
}

}  // namespace hardy::python

NB_MODULE(_native, m) {
  namespace nb = nanobind;
  nb::set_leak_warnings(false);  // what lives at the end of the interpreter goes with it
  m.doc() = "The compiled part of hardy; its parts are described where the package shows them.";
  m.def("version", [] { return hardy::version(); });
  hardy::python::bind_errors(m);
  hardy::python::bind_data(m);
  hardy::python::bind_training(m);
  hardy::python::bind_policies(m);
  hardy::python::bind_environments(m);
  hardy::python::bind_studies(m);
  hardy::python::bind_ops(m);
  hardy::python::bind_own_methods(m);
}
