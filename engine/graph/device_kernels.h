// The table of an op's kernels on devices, by backend and op.
#pragma once

#include <cstdint>
#include <map>
#include <span>
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

// Pointwise ops one behind the other in one launch, over equally many f32 elements. A link takes each operand
// at the element being written from the link that made it, or else from memory.
struct ChainLink {
  KernelCall call;                   // output data null: links alone read it
  int code;                          // of its op
  std::vector<std::int32_t> makers;  // by operand: the link that makes it; -1: it is in memory
};
using ChainKernel = void (*)(std::span<const ChainLink>, device::Stream&);
inline constexpr std::size_t kMostLinks = 12, kMostLinkOperands = 6, kMostChainOperands = 24;
// What a backend brings: the kernel, and by kernel key the codes of the ops that it knows.
struct Chains {
  ChainKernel run = nullptr;
  std::map<std::string, int> codes;
};
struct RegisterChains {
  RegisterChains(const std::string& backend, Chains chains);
};
const Chains& find_chains(const std::string& backend);  // without codes where there are none

}  // namespace hardy::graph
