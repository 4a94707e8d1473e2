// What the machine that `hardy` runs on offers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hardy::tools {

struct Machine {
  std::string processor;
  std::vector<std::string> instruction_sets;  // those that matter to matrix kernels
  int cores = 1;                              // that this process may use
  std::uint64_t memory_bytes = 0, memory_free_bytes = 0;
};
Machine look_at_machine();

struct Offer {
  std::string name;
  bool present = false;
  std::string about;  // version or place, or what to install
};
std::string path_of_nvcc();  // the CUDA compiler; "" where there is none
Offer look_for_cuda();
Offer look_for_mpi();
Offer look_for_slurm();
Offer look_for_gymnasium();  // in the Python that --env gymnasium takes

}  // namespace hardy::tools
