#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "cuda/columns.cuh"
#include "cuda/elements.cuh"
#include "cuda/ops/activated.cuh"
#include "cuda/ops/product.h"
#include "cuda/ops/tensor_product.h"
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

// The largest power of two, at most 256, that divides the address of each matrix of a batch.
std::uint32_t alignment(const void* first, std::int64_t stride, const Product& p) {
  const std::int64_t step = p.count > 1 ? stride * static_cast<std::int64_t>(size_of(p.type)) : 0;
  const std::uint64_t all = reinterpret_cast<std::uintptr_t>(first) | static_cast<std::uint64_t>(step) | 256;
  return static_cast<std::uint32_t>(all & (~all + 1));
}

// What the query is to keep to. cuBLASLt takes for granted that matrices begin on multiples of 256 bytes, and
// offers kernels with loads as wide as that allows, which fault on less. Ours begin where a plan's arena puts
// them, 64 bytes, or an agent's or member's part of a tensor begins, down to one element.
struct Preference : Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy> {
  Preference(const Product& p, std::size_t workspace) {
    check(cublasLtMatmulPreferenceCreate(&handle), "product");
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment(p.b, p.stride_b, p));  // its A is our B
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment(p.a, p.stride_a, p));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment(p.c, p.stride_c, p));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment(p.c, p.stride_c, p));
  }
  template <class T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    check(cublasLtMatmulPreferenceSetAttribute(handle, attribute, &value, sizeof value), "product");
  }
};

// What of the epilogue the product itself can do. Its kernels read and write the bias 16 bytes at a time, and
// no preference tells the query that ours is less aligned, as a head's of width 1 or 6 is.
cublasLtEpilogue_t fused(const Product& p) {
  const void* vector = p.column_sums ? p.column_sums : p.bias;
  if (!vector || alignment(vector, p.column_sums ? p.stride_sums : p.stride_bias, p) < 16)
    return CUBLASLT_EPILOGUE_DEFAULT;
  if (p.column_sums) return CUBLASLT_EPILOGUE_BGRADA;
  return p.activation == Activation::kRelu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
}

// y = activation(y + bias), of all products of a batch, their results `apart` elements from each other.
template <class T>
__global__ void finish_kernel(T* y, const T* bias, std::int64_t each, std::int64_t columns,
                              std::int64_t apart, std::int64_t stride, std::int64_t n,
                              Activation activation) {
  for (const std::int64_t i : every(n)) {
    const std::int64_t product = i / each, within = i % each;
    const T x = y[product * apart + within] + (bias ? bias[product * stride + within % columns] : T(0));
    y[product * apart + within] = activated(x, activation);
  }
}
void finish(const Product& p, const void* bias, Activation activation, device::Stream& stream) {
  with_float(p.type, [&](auto t) {
    using T = decltype(t);
    const std::int64_t n = p.m * p.n * p.count;
    launch("bias and activation", finish_kernel<T>, blocks_for(n), kThreads, stream, static_cast<T*>(p.c),
           static_cast<const T*>(bias), p.m * p.n, p.n, p.stride_c, p.stride_bias, n, activation);
  });
}

// The sums of b's columns [products, rows, columns], products `apart` elements from each other and their sums
// `stride`.
template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    column_sums_kernel(const T* b, std::int64_t products, std::int64_t rows, std::int64_t columns,
                       std::int64_t apart, std::int64_t stride, T* sums) {
  const std::int64_t column = blockIdx.x * kColumns + threadIdx.x % kColumns;
  for (std::int64_t product = blockIdx.y; product < products; product += gridDim.y) {
    const T* from = b + product * apart;
    T sum[1];
    sum_rows(
        rows, column < columns, [&](std::int64_t row, T(&to)[1]) { to[0] += from[row * columns + column]; },
        sum);
    if (threadIdx.x < kColumns && column < columns) sums[product * stride + column] = sum[0];
    __syncthreads();  // before the next product's
  }
}
void sum_columns(const Product& p, device::Stream& stream) {
  with_float(p.type, [&](auto t) {
    using T = decltype(t);
    const dim3 grid(static_cast<unsigned>(column_tiles(p.n)),
                    static_cast<unsigned>(std::min<std::int64_t>(p.count, 65535)));
    launch("column sums", column_sums_kernel<T>, grid, kColumnThreads, stream, static_cast<const T*>(p.b),
           p.count, p.k, p.n, p.stride_b, p.stride_sums, static_cast<T*>(p.column_sums));
  });
}

// A product with this epilogue as cuBLASLt sees it.
class Call {
 public:
  Call(const Product& p, cublasLtEpilogue_t epilogue, CudaStream& stream)
      : p_(p),
        epilogue_(epilogue),
        stream_(stream),
        description_(p.type == DType::kF64                               ? CUBLAS_COMPUTE_64F
                     : stream.blas().products == device::Products::kTf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                         : CUBLAS_COMPUTE_32F,
                     type()),
        a_(type(), p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.count, p.stride_a),
        b_(type(), p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.count, p.stride_b),
        c_(type(), p.m, p.n, p.count, p.stride_c) {
    // Column-major C^T = op(B)^T op(A)^T: B's memory is the first operand.
    description_.set(CUBLASLT_MATMUL_DESC_TRANSA, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
    description_.set(CUBLASLT_MATMUL_DESC_TRANSB, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
    description_.set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    if (epilogue == CUBLASLT_EPILOGUE_DEFAULT) return;
    const void* vector = p.column_sums ? p.column_sums : p.bias;
    description_.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, vector);
    description_.set(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, p.column_sums ? p.stride_sums : p.stride_bias);
  }

  // Those that cuBLASLt takes to be the fastest, best first; none where it knows no such product.
  std::vector<ProductWay> ways() const {
    constexpr int kWanted = 8;
    const Preference preference(p_, stream_.blas().workspace_bytes);
    std::array<cublasLtMatmulHeuristicResult_t, kWanted> results{};
    int found = 0;
    const cublasStatus_t asked = cublasLtMatmulAlgoGetHeuristic(
        stream_.blas().handle, description_.handle, b_.handle, a_.handle, c_.handle, c_.handle,
        preference.handle, kWanted, results.data(), &found);
    if (asked != CUBLAS_STATUS_NOT_SUPPORTED) check(asked, "cublasLtMatmulAlgoGetHeuristic");
    std::vector<ProductWay> all;
    for (int i = 0; i < found; ++i)
      if (const auto& result = results[static_cast<std::size_t>(i)]; result.state == CUBLAS_STATUS_SUCCESS)
        all.push_back({result.algo, epilogue_});
    return all;
  }

  // False where the algorithm declines: an offer is a guess, and nothing was put into the stream.
  bool run(const ProductWay& way) const {
    const Blas& blas = stream_.blas();
    const bool f64 = p_.type == DType::kF64;
    const double one64 = 1, beta64 = p_.accumulate;
    const float one32 = 1, beta32 = p_.accumulate;
    const cublasStatus_t done = cublasLtMatmul(
        blas.handle, description_.handle, f64 ? static_cast<const void*>(&one64) : &one32, p_.b, b_.handle,
        p_.a, a_.handle, f64 ? static_cast<const void*>(&beta64) : &beta32, p_.c, c_.handle, p_.c, c_.handle,
        &way.algorithm, blas.workspace, blas.workspace_bytes, stream_.handle());
    if (done == CUBLAS_STATUS_NOT_SUPPORTED || done == CUBLAS_STATUS_INVALID_VALUE) return false;
    check(done, "cublasLtMatmul");
    stream_.launched(cudaSuccess, "cublasLtMatmul");
    return true;
  }

 private:
  cudaDataType_t type() const { return p_.type == DType::kF64 ? CUDA_R_64F : CUDA_R_32F; }

  const Product& p_;
  cublasLtEpilogue_t epilogue_;
  CudaStream& stream_;
  Description description_;
  Layout a_, b_, c_;
};

ProductKey key_of(const Product& p, cublasLtEpilogue_t epilogue) {
  return {static_cast<std::int64_t>(p.type),
          p.m,
          p.n,
          p.k,
          p.count,
          p.transpose_a,
          p.transpose_b,
          p.stride_a,
          p.stride_b,
          p.stride_c,
          p.stride_bias,
          p.stride_sums,
          p.accumulate,
          static_cast<std::int64_t>(epilogue),
          alignment(p.a, p.stride_a, p),
          alignment(p.b, p.stride_b, p),
          alignment(p.c, p.stride_c, p)};
}

// Puts the product into the stream with as much of its epilogue as cuBLASLt does, and says what that was.
// What was found for a product holds for those like it: the captured step is the one that was tried before.
cublasLtEpilogue_t product(const Product& p, CudaStream& stream) {
  const cublasLtEpilogue_t wanted = fused(p);
  const ProductKey key = key_of(p, wanted);
  std::map<ProductKey, ProductWay>& ways = stream.product_ways();
  const auto known = ways.find(key);
  if (known != ways.end() && Call(p, known->second.epilogue, stream).run(known->second))
    return known->second.epilogue;
  for (const cublasLtEpilogue_t epilogue : {wanted, CUBLASLT_EPILOGUE_DEFAULT}) {
    const Call call(p, epilogue, stream);
    for (const ProductWay& way : call.ways()) {
      if (!call.run(way)) continue;
      ways[key] = way;
      return epilogue;
    }
    if (epilogue == CUBLASLT_EPILOGUE_DEFAULT) break;
  }
  throw Error::failed_run("cuBLASLt has no product of " + std::to_string(p.m) + " x " + std::to_string(p.k) +
                              " by " + std::to_string(p.k) + " x " + std::to_string(p.n),
                          "cublasLtMatmul");
}

// What of the epilogue the product itself has not done.
void complete(const Product& p, cublasLtEpilogue_t done, device::Stream& stream) {
  if (done != CUBLASLT_EPILOGUE_DEFAULT) {
    if (p.activation == Activation::kTanh) finish(p, nullptr, p.activation, stream);
    return;
  }
  if (p.bias || p.activation != Activation::kNone) finish(p, p.bias, p.activation, stream);
  if (p.column_sums) sum_columns(p, stream);
}

}  // namespace

void multiply(const Product& p, device::Stream& stream) {
  CudaStream& s = as_cuda(stream);
  if (s.blas().products == device::Products::kThreeTf32 && suits_tensor_cores(p))
    return multiply_on_tensor_cores(p, stream);
  complete(p, product(p, s), stream);
}

std::vector<ProductWay> offers(const Product& p, device::Stream& stream) {
  std::vector<ProductWay> ways = Call(p, fused(p), as_cuda(stream)).ways();
  if (ways.empty()) ways = Call(p, CUBLASLT_EPILOGUE_DEFAULT, as_cuda(stream)).ways();
  return ways;
}

bool multiply_by(const ProductWay& way, const Product& p, device::Stream& stream) {
  if (!Call(p, way.epilogue, as_cuda(stream)).run(way)) return false;
  complete(p, way.epilogue, stream);
  return true;
}

}  // namespace hardy::cuda
