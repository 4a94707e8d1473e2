// What nvcc makes PTX of.
#include "tests/cuda/ptx/samples.cuh"

template __global__ void hardy::samples::sum_by_cub<128>(const int*, int, int*);
