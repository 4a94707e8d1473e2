// A product as cublasLtMatmul was asked for it, and how the emulation computes it.
#pragma once

#include <cublasLt.h>

#include <cstddef>
#include <cstdint>

struct HardyMatrixLayout {
  std::uint32_t type = CUDA_R_32F;
  std::int32_t order = CUBLASLT_ORDER_COL;
  std::uint64_t rows = 0, columns = 0;
  std::int64_t leading = 0;
  std::int32_t batches = 1;
  std::int64_t batch_stride = 0;
};
struct HardyMatmulDescription {
  std::int32_t compute = CUBLAS_COMPUTE_32F, scale = CUDA_R_32F, pointer_mode = CUBLASLT_POINTER_MODE_HOST;
  std::int32_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
  std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  void* bias = nullptr;
  std::int64_t bias_stride = 0;
};

namespace hardy::emulation {

using Layout = HardyMatrixLayout;
using Description = HardyMatmulDescription;

inline std::size_t size_of(const Layout& l) { return l.type == CUDA_R_64F ? sizeof(double) : sizeof(float); }

struct Product {
  Description description;
  Layout a, b, c, d;
  const void *a_data, *b_data, *c_data;
  void* d_data;
  double alpha, beta;

  std::uint64_t m() const { return d.rows; }
  std::uint64_t n() const { return d.columns; }
  std::uint64_t k() const { return description.transpose_a == CUBLAS_OP_N ? a.columns : a.rows; }
  bool has(std::uint32_t epilogue) const { return (description.epilogue & epilogue) != 0; }
};

// All products of the batch: D = epilogue(alpha op(A) op(B) + beta C). Sums run over k in ascending order in
// the compute type; with TF32 operands are rounded as the tensor cores do.
void multiply(const Product& product);

}  // namespace hardy::emulation
