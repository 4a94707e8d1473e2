// What a warp asks of the tensor cores: products of matrices of TF32 (8 bits of exponent, 10 of mantissa),
// with sums in f32. From compute capability 8.0 on; kernels that use them trap on older GPUs.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace hardy::cuda {

inline constexpr int kTensorCoresSince = 80;  // compute capability 8.0, of the device and of the code

// x in TF32, as the word that the tensor cores take: to nearest, ties away from zero. By integers: of
// cvt.rna.tf32.f32 nvcc makes a comparison and a selection more, so that a NaN stays one; here one whose bits
// are all ones becomes a zero.
inline __device__ std::uint32_t to_tf32(float x) { return (__float_as_uint(x) + 0x1000u) & ~0x1fffu; }

// d += A B for A [16, 8] and B [8, 8], by all lanes of a warp together. With g = lane / 4 and t = lane % 4 a
// lane holds A[g][t], A[g + 8][t], A[g][t + 4], A[g + 8][t + 4]; B[t][g], B[t + 4][g]; and of d [g][2 t],
// [g][2 t + 1], [g + 8][2 t], [g + 8][2 t + 1].
inline __device__ void multiply_add(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#ifdef HARDY_CUDA_EMULATION
  emulation::multiply_tf32(a, b, d, d);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

}  // namespace hardy::cuda
