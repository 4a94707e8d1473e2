// The table of an op's kernels on devices, by backend and op.
#pragma once

#include <string>
#include <vector>

#include "engine/device/device.h"
#include "engine/graph/op.h"

namespace hardy::graph {

// Puts one op's work into the stream, which is of the kernel's own backend. Throws an Error that names the
// kernel where it cannot be launched.
using DeviceKernel = void (*)(const KernelCall&, device::Stream&);

// A pointwise functor's derivative by operand j has the key "name/dj", its second by j and k "name/dj/dk",
// any other op its name.
std::string kernel_key(const Op& op);
struct RegisterKernel {
  RegisterKernel(const std::string& backend, const std::string& key, DeviceKernel kernel);
};
DeviceKernel find_kernel(const std::string& backend, const std::string& key);  // null: there is none
std::vector<std::string> kernel_keys(const std::string& backend);

}  // namespace hardy::graph
