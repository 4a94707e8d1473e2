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

namespace hardy::python {

namespace nb = nanobind;

void bind_errors(nb::module_& m);
void bind_data(nb::module_& m);
void bind_training(nb::module_& m);
void bind_policies(nb::module_& m);
void bind_environments(nb::module_& m);
void bind_studies(nb::module_& m);
void bind_own_methods(nb::module_& m);

// Long work looks up for signals a tenth of a second apart: the interpreter's lock is not taken at every
// step.
class Pause {
 public:
  bool over() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return false;
    next_ = now + std::chrono::milliseconds(100);
    return true;
  }

 private:
  std::chrono::steady_clock::time_point next_{};
};

// An array of this shape whose memory is `owned`, which it keeps alive.
template <class T>
nb::object array_of(std::vector<T>&& owned, const std::vector<std::size_t>& shape) {
  auto* kept = new std::vector<T>(std::move(owned));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), shape.size(), shape.data(), owner));
}

}  // namespace hardy::python
