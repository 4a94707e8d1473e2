// Stands where the toolkit's <cuda_runtime.h> does in an emulated build: the runtime API, and what device
// code may use.
#pragma once

#ifndef HARDY_CUDA_EMULATION
#error "this header belongs to the emulation of CUDA; build with nvcc to get the toolkit's own"
#endif

#include "cuda/emulation/device/atomics.h"
#include "cuda/emulation/device/execution.h"
#include "cuda/emulation/device/launch.h"
#include "cuda/emulation/device/math.h"
#include "cuda/emulation/device/tensor_cores.h"
#include "cuda/emulation/device/warp.h"
#include "cuda_runtime_api.h"
