// The tensor cores' product of TF32 matrices: a collective of a whole warp (mma.sync.m16n8k8 of PTX).
#pragma once

#include "cuda/emulation/device/warp.h"

namespace hardy::emulation {

// TF32 keeps 10 bits of the mantissa: to nearest, ties away from zero, as cvt.rna.tf32.f32 does; its NaN is
// one.
float to_tf32(float x);

// D = A B + C: A [16, 8] and B [8, 8] of TF32, C and D [16, 8] of f32, spread over the 32 lanes. Lane 4 g + t
// has
//   a: A[g][t], A[g + 8][t], A[g][t + 4], A[g + 8][t + 4]
//   b: B[t][g], B[t + 4][g]
//   c and d: [g][2 t], [g][2 t + 1], [g + 8][2 t], [g + 8][2 t + 1]
// Of a and b the 13 bits that TF32 lacks are not looked at. The eight products are added up in f32, in
// ascending k, and then to C; a GPU has an order and a rounding of its own.
void multiply_tf32(const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], const float (&c)[4],
                   float (&d)[4], Site site = Site::here());

// A B, of what all lanes brought, once they have.
void multiply_matrices(WarpValues& all);

}  // namespace hardy::emulation
