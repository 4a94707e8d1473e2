// Matrix products, batched: C = epilogue(op(A) op(B)), row-major, f32 and f64.
//
// An element of C sums over k by one chain of fused multiply-adds in pieces of 512 (by a fixed tree where
// n <= 4, with AVX-512 8, A is not transposed and no column sums are asked for): its bits are the same
// whatever the tile, the number of rows, the thread, the split or the other products of the batch.
#pragma once

#include <cstdint>

namespace hardy {

class ThreadTeam;

enum class Activation { kNone, kRelu, kTanh };

template <class T>
struct GemmArgs {
  std::int64_t m = 0, n = 0, k = 0;  // op(A) [m, k], op(B) [k, n], C [m, n]
  const T* a = nullptr;
  std::int64_t lda = 0;  // elements between rows, as stored
  bool transpose_a = false;
  const T* b = nullptr;
  std::int64_t ldb = 0;
  bool transpose_b = false;
  bool packed = false;  // b is what pack_b() made of it, and the two before mean nothing
  T* c = nullptr;
  std::int64_t ldc = 0;
  // The epilogue, in this order:
  bool accumulate = false;  // C += the product
  // The pieces of k go on with one chain, which begins at C where it is accumulated into: zeros along k
  // change no bit, wherever they stand. Of the products that sum rows, A transposed.
  bool one_chain = false;
  const T* bias = nullptr;  // [n], added to each row
  Activation act = Activation::kNone;
  const T* relu_mask = nullptr;  // [m, n]: C = mask > 0 ? C : 0, the derivative of a ReLU
  std::int64_t ldmask = 0;
  T* column_sums = nullptr;  // [n]: sums of op(B)'s columns over k (the bias gradient, when B is dY)
};

// Elements from one product's operand to the next's; 0 shares the operand.
struct GemmStrides {
  std::int64_t a = 0, b = 0, c = 0, bias = 0, relu_mask = 0, column_sums = 0;
};

void gemm_batched(const GemmArgs<float>& args, std::int64_t count, const GemmStrides& strides,
                  ThreadTeam& team);
void gemm_batched(const GemmArgs<double>& args, std::int64_t count, const GemmStrides& strides,
                  ThreadTeam& team);

// A B [k, n] that many products read, in the order in which they read it, so that none of them has to lay it
// out anew: `to` holds packed_size(k, n) elements, 0 where n is so small that a product would not go that
// way. The product's bits are those it has with B as it lies.
std::int64_t packed_size(std::int64_t k, std::int64_t n);
void pack_b(const float* b, std::int64_t ldb, std::int64_t k, std::int64_t n, float* to, ThreadTeam& team);

// "avx512 12x32", "avx2 6x16", "neon 8x8" or "generic 4x8": the micro-kernel of this build.
const char* gemm_kernel_name();

}  // namespace hardy
