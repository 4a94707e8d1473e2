// What the files of the module share. The package in ../hardy is its only user: functions here take and give
// plain things, words, arrays and JSON, and what people see is made of them in Python.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/base/stop.h"
#include "engine/run/observer.h"

namespace hardy::python {

namespace nb = nanobind;

void bind_errors(nb::module_& m);
void bind_data(nb::module_& m);
void bind_training(nb::module_& m);
void bind_policies(nb::module_& m);
void bind_environments(nb::module_& m);
void bind_studies(nb::module_& m);
void bind_ops(nb::module_& m);
void bind_own_methods(nb::module_& m);

// What Python says while long work runs without the interpreter's lock. What is raised, a Ctrl-C too, asks
// the work to stop and is kept until raise().
class Calls {
 public:
  StopToken stop() const { return stop_.token(); }
  void request_stop() { stop_.request_stop(); }
  bool raised() const { return static_cast<bool>(type_); }

  // Calls what needs the lock, unless something was raised before.
  template <class Call>
  void make(const Call& call) {
    if (raised()) return;
    const nb::gil_scoped_acquire ours;
    try {
      call();
    } catch (nb::python_error& e) {
      type_ = nb::borrow(e.type()), value_ = nb::borrow(e.value()), trace_ = nb::borrow(e.traceback());
      stop_.request_stop();
    }
  }
  // Looks for signals, a tenth of a second apart: the lock is not taken at every step.
  void look_for_signals() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    make([] {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
    });
  }
  // With the lock, after the work.
  void raise() {
    if (!raised()) return;
    PyErr_Restore(type_.release().ptr(), value_.release().ptr(), trace_.release().ptr());
    throw nb::python_error();
  }

 private:
  StopSource stop_;
  nb::object type_, value_, trace_;
  std::chrono::steady_clock::time_point next_{};
};

// Of work that has nothing else to tell Python: looks for signals at every step.
class SignalListener final : public run::Observer {
 public:
  explicit SignalListener(Calls& calls) : calls_(calls) {}
  bool wants_progress(std::int64_t) override { return calls_.look_for_signals(), false; }

 private:
  Calls& calls_;
};

// An array of this shape whose memory is `owned`, which it keeps alive.
template <class T>
nb::object array_of(std::vector<T>&& owned, const std::vector<std::size_t>& shape) {
  auto* kept = new std::vector<T>(std::move(owned));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), shape.size(), shape.data(), owner));
}

}  // namespace hardy::python
