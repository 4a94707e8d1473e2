// Batched matrix products through cuBLASLt, row-major like engine/ops/gemm.h.
#pragma once

#include <cstdint>

#include "engine/graph/device_kernels.h"
#include "engine/ops/gemm.h"

namespace hardy::cuda {

// C = epilogue(op(A) op(B)); of `count` products, operands `stride` elements apart (0 shares one).
struct Product {
  DType type = DType::kF32;
  std::int64_t m = 0, n = 0, k = 0, count = 1;
  const void *a = nullptr, *b = nullptr;
  bool transpose_a = false, transpose_b = false;
  void* c = nullptr;
  std::int64_t stride_a = 0, stride_b = 0, stride_c = 0, stride_bias = 0, stride_sums = 0;
  bool accumulate = false;
  const void* bias = nullptr;  // [n], added to each row
  Activation activation = Activation::kNone;
  void* column_sums = nullptr;  // [n]: of op(B) over k
};

// Puts the product into the stream. An epilogue that cuBLASLt does not have for these operands follows in a
// kernel of its own.
void multiply(const Product& product, device::Stream& stream);

}  // namespace hardy::cuda
