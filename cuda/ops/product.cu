#include "cuda/elements.cuh"
#include "cuda/ops/product.h"
#include "cuda/ops/reduce.h"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

// A cuBLASLt object that goes with its scope.
template <class Handle, cublasStatus_t (*kDestroy)(Handle)>
struct Owned {
  Handle handle = nullptr;
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (handle) kDestroy(handle);
  }
};
struct Layout : Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy> {
  // A row-major matrix [rows, columns], which cuBLASLt sees as a column-major one [columns, rows].
  Layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns, std::int64_t count,
         std::int64_t stride) {
    check(cublasLtMatrixLayoutCreate(&handle, type, static_cast<std::uint64_t>(columns),
                                     static_cast<std::uint64_t>(rows), columns),
          "matrix layout");
    const auto batches = static_cast<std::int32_t>(count);
    check(cublasLtMatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batches,
                                           sizeof batches),
          "matrix layout");
    check(cublasLtMatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                                           sizeof stride),
          "matrix layout");
  }
};
struct Description : Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy> {
  Description(cublasComputeType_t compute, cudaDataType_t scale) {
    check(cublasLtMatmulDescCreate(&handle, compute, scale), "product");
  }
  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check(cublasLtMatmulDescSetAttribute(handle, attribute, &value, sizeof value), "product");
  }
};
struct Preference : Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy> {
  explicit Preference(std::size_t workspace) {
    check(cublasLtMatmulPreferenceCreate(&handle), "product");
    check(cublasLtMatmulPreferenceSetAttribute(handle, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                               sizeof workspace),
          "product");
  }
};

// What of the epilogue the product itself can do.
cublasLtEpilogue_t fused(const Product& p) {
  if (p.column_sums) return CUBLASLT_EPILOGUE_BGRADA;
  if (!p.bias) return CUBLASLT_EPILOGUE_DEFAULT;
  return p.activation == Activation::kRelu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
}

// y = activation(y + bias)
template <class T>
__global__ void finish_kernel(T* y, const T* bias, std::int64_t rows, std::int64_t columns,
                              std::int64_t stride, std::int64_t n, Activation activation) {
  for (const std::int64_t i : every(n)) {
    T x = y[i] + (bias ? bias[i / (rows * columns) * stride + i % columns] : T(0));
    if (activation == Activation::kRelu) x = x < T(0) ? T(0) : x;  // NaN stays NaN
    if (activation == Activation::kTanh) x = tanh(x);
    y[i] = x;
  }
}
// The products [first, first + count) of a batch: all at once where their results follow one another, else
// one by one.
template <class Body>
void in_runs(const Product& p, bool together, Body&& body) {
  if (together || p.count == 1) return body(std::int64_t{0}, p.count);
  for (std::int64_t i = 0; i < p.count; ++i) body(i, std::int64_t{1});
}
template <class T>
T* product_at(T* base, std::int64_t product, std::int64_t stride) {
  return base ? base + product * stride : nullptr;
}

void finish(const Product& p, const void* bias, Activation activation, graph::Stream& stream) {
  with_float(p.type, [&](auto t) {
    using T = decltype(t);
    in_runs(p, p.stride_c == p.m * p.n, [&](std::int64_t first, std::int64_t count) {
      const std::int64_t n = p.m * p.n * count;
      launch("bias and activation", finish_kernel<T>, blocks_for(n), kThreads, stream,
             product_at(static_cast<T*>(p.c), first, p.stride_c),
             product_at(static_cast<const T*>(bias), first, p.stride_bias), p.m, p.n, p.stride_bias, n,
             activation);
    });
  });
}
void sum_columns(const Product& p, graph::Stream& stream) {
  with_float(p.type, [&](auto t) {
    using T = decltype(t);
    in_runs(p, p.stride_b == p.k * p.n && p.stride_sums == p.n, [&](std::int64_t first, std::int64_t count) {
      sum_middle(p.type, count, p.k, p.n, product_at(static_cast<const T*>(p.b), first, p.stride_b),
                 product_at(static_cast<T*>(p.column_sums), first, p.stride_sums), stream);
    });
  });
}

// False where cuBLASLt knows no such product.
bool try_multiply(const Product& p, cublasLtEpilogue_t epilogue, graph::Stream& stream) {
  const Blas& blas = as_cuda(stream).blas();
  const bool f64 = p.type == DType::kF64;
  const cudaDataType_t type = f64 ? CUDA_R_64F : CUDA_R_32F;
  Description description(f64         ? CUBLAS_COMPUTE_64F
                          : blas.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                      : CUBLAS_COMPUTE_32F,
                          type);
  // Column-major C^T = op(B)^T op(A)^T: B's memory is the first operand.
  description.set(CUBLASLT_MATMUL_DESC_TRANSA, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  description.set(CUBLASLT_MATMUL_DESC_TRANSB, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  description.set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
  if (epilogue != CUBLASLT_EPILOGUE_DEFAULT) {
    const void* vector = p.column_sums ? p.column_sums : p.bias;
    description.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, vector);
    description.set(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, p.column_sums ? p.stride_sums : p.stride_bias);
  }
  const Layout b(type, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.count, p.stride_b);
  const Layout a(type, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.count, p.stride_a);
  const Layout c(type, p.m, p.n, p.count, p.stride_c);
  const Preference preference(blas.workspace_bytes);
  cublasLtMatmulHeuristicResult_t best{};
  int found = 0;
  const cublasStatus_t asked =
      cublasLtMatmulAlgoGetHeuristic(blas.handle, description.handle, b.handle, a.handle, c.handle, c.handle,
                                     preference.handle, 1, &best, &found);
  if (asked == CUBLAS_STATUS_NOT_SUPPORTED || found == 0) return false;
  check(asked, "cublasLtMatmulAlgoGetHeuristic");
  const double one64 = 1, beta64 = p.accumulate;
  const float one32 = 1, beta32 = p.accumulate;
  const cublasStatus_t done = cublasLtMatmul(
      blas.handle, description.handle, f64 ? static_cast<const void*>(&one64) : &one32, p.b, b.handle, p.a,
      a.handle, f64 ? static_cast<const void*>(&beta64) : &beta32, p.c, c.handle, p.c, c.handle, &best.algo,
      blas.workspace, blas.workspace_bytes, as_cuda(stream).handle());
  check(done, "cublasLtMatmul");
  as_cuda(stream).launched(cudaSuccess, "cublasLtMatmul");
  return true;
}

}  // namespace

void multiply(const Product& p, graph::Stream& stream) {
  const cublasLtEpilogue_t epilogue = fused(p);
  if (try_multiply(p, epilogue, stream)) {
    if (p.activation == Activation::kTanh) finish(p, nullptr, p.activation, stream);
    return;
  }
  if (epilogue == CUBLASLT_EPILOGUE_DEFAULT || !try_multiply(p, CUBLASLT_EPILOGUE_DEFAULT, stream))
    throw Error::failed_run("cuBLASLt has no product of " + std::to_string(p.m) + " x " +
                                std::to_string(p.k) + " by " + std::to_string(p.k) + " x " +
                                std::to_string(p.n),
                            "cublasLtMatmulAlgoGetHeuristic");
  if (p.bias || p.activation != Activation::kNone) finish(p, p.bias, p.activation, stream);
  if (p.column_sums) sum_columns(p, stream);
}

}  // namespace hardy::cuda
