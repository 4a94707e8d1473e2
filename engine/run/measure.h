// What this machine can do, measured: the rate of matrix products and the peak of its multiply-adds.
#pragma once

#include <cstdint>

namespace hardy::run {

// GFLOP/s of C [m, n] = A [m, k] B [k, n] in f32 by the kernel in use, over about so many seconds.
double measure_sgemm(std::int64_t m, std::int64_t n, std::int64_t k, int threads, double seconds = 0.3);

// The same in f64.
double measure_dgemm(std::int64_t m, std::int64_t n, std::int64_t k, int threads, double seconds = 0.3);

// GB/s of reading `megabytes` of doubles over and over, all threads together: of main memory where that is
// more than the caches hold, of a cache where it is less.
double measure_read_bandwidth(int threads, double megabytes = 512, double seconds = 0.5);

// GFLOP/s of f32 multiply-adds that never leave the registers, all threads together: the peak that no
// program exceeds. On a processor without fused multiply-add a multiplication and an addition.
double measure_fma_peak(int threads, double seconds = 0.3);

}  // namespace hardy::run
