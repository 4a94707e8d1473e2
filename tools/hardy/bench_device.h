// `hardy bench METHOD --device D`: steps on a device are put into its stream, and waited for in blocks.
#pragma once

#include <string>

#include "tools/hardy/bench_learner.h"

namespace hardy::tools {

struct DeviceBench {
  std::string method;
  std::int64_t agents = 1, rows = 0;
  double seconds = 5;  // to measure for
  bool plan = false, json = false;
};

// Times whole steps of a method on a device and prints what it found: microseconds of a step (mean, quickest
// and slowest block), of these the host's for putting it into the stream, nodes of the captured step, and
// device memory that the learner took. Returns the exit code; an Error where an agent was stopped.
int bench_on_device(device::Device& device, const DeviceBench& settings);

}  // namespace hardy::tools
