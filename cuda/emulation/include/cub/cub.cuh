// CUB, as much of it as is used here: block and warp collectives over the emulated primitives, device-wide
// algorithms as host loops in stream order. Written from CUB's documented interface; sums run left to right,
// so that floats differ from the real CUB's in their last bits.
#pragma once

#include <cuda_runtime.h>

#include "block_primitives.cuh"
#include "device_reduce.cuh"
#include "device_scan.cuh"
#include "device_sort.cuh"
#include "warp_primitives.cuh"
