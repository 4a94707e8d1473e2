// The real CUB and Thrust, compiled by nvcc (real_libraries.cu) and run over the emulation.
#pragma once

#include <vector>

namespace hardy::samples {

std::vector<int> inclusive_scan_by_cub(const std::vector<int>& x);
std::vector<unsigned> sort_by_cub(const std::vector<unsigned>& keys);
long long sum_by_cub(const std::vector<int>& x);
// The sums of runs of equal keys, by Thrust.
std::vector<int> reduce_by_key_by_thrust(const std::vector<int>& keys, const std::vector<int>& values);
std::vector<float> scaled_by_constant(const std::vector<float>& x,
                                      float factor);  // through __constant__ memory

}  // namespace hardy::samples
