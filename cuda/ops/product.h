// Batched matrix products, row-major like engine/ops/gemm.h: through cuBLASLt, or on the tensor cores by a
// kernel of our own where the device was opened for that (tensor_product.h).
#pragma once

#include <cstdint>
#include <vector>

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

// What cuBLASLt offers for it, by its own guess the fastest first; and the product by one of them. False
// where that declines. Products are measured so (product_times.cu).
struct ProductWay;  // cuda/stream.h
std::vector<ProductWay> offers(const Product& product, device::Stream& stream);
bool multiply_by(const ProductWay& way, const Product& product, device::Stream& stream);

}  // namespace hardy::cuda
