// cuBLASLt on the host: descriptors, the one algorithm there is, and the product itself. Sums run over k in
// ascending order in the compute type; products with TF32 round their operands as the tensor cores do.
#include <cublasLt.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/control.h"
#include "cuda/emulation/device/launch.h"
#include "cuda/emulation/run/memory.h"
#include "cuda/emulation/run/report.h"

struct cublasLtContext {};
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
struct HardyMatmulPreference {
  std::uint64_t workspace = 0;
};

namespace hardy::emulation {
namespace {

using Layout = HardyMatrixLayout;
using Description = HardyMatmulDescription;

template <class T>
cublasStatus_t assign(T& field, const void* value, std::size_t bytes) {
  if (value == nullptr || bytes != sizeof field) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&field, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

std::size_t element(const Layout& m, std::uint64_t row, std::uint64_t column) {
  const auto ld = static_cast<std::uint64_t>(m.leading);
  return m.order == CUBLASLT_ORDER_COL ? column * ld + row : row * ld + column;
}

// One product: what cublasLtMatmul was called with.
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

bool supported(std::uint32_t epilogue) {
  switch (epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT:
      return true;
    case CUBLASLT_EPILOGUE_RELU:
    case CUBLASLT_EPILOGUE_BIAS:
    case CUBLASLT_EPILOGUE_RELU_BIAS:
    case CUBLASLT_EPILOGUE_GELU:
    case CUBLASLT_EPILOGUE_GELU_BIAS:
    case CUBLASLT_EPILOGUE_BGRADA:
    case CUBLASLT_EPILOGUE_BGRADB:
      return options().fused_epilogues;
    default:
      return false;
  }
}

cublasStatus_t check_shapes(const Description& p, const Layout& a, const Layout& b, const Layout& c,
                            const Layout& d) {
  const bool na = p.transpose_a == CUBLAS_OP_N, nb = p.transpose_b == CUBLAS_OP_N;
  const std::uint64_t m = na ? a.rows : a.columns, ka = na ? a.columns : a.rows;
  const std::uint64_t kb = nb ? b.rows : b.columns, n = nb ? b.columns : b.rows;
  const auto leads = [](const Layout& l) {
    return static_cast<std::uint64_t>(l.leading) >= (l.order == CUBLASLT_ORDER_COL ? l.rows : l.columns);
  };
  const bool fits = ka == kb && d.rows == m && d.columns == n && c.rows == m && c.columns == n && leads(a) &&
                    leads(b) && leads(c) && leads(d) && a.batches == d.batches && b.batches == d.batches &&
                    c.batches == d.batches && a.type == b.type && b.type == c.type && c.type == d.type;
  if (!fits) return CUBLAS_STATUS_INVALID_VALUE;
  const bool f64 = a.type == CUDA_R_64F;
  const bool computes_f64 = p.compute == CUBLAS_COMPUTE_64F || p.compute == CUBLAS_COMPUTE_64F_PEDANTIC;
  return f64 == computes_f64 && supported(p.epilogue) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

void require_matrix(const Layout& l, const void* data, std::size_t size, const char* who) {
  const bool columns = l.order == CUBLASLT_ORDER_COL;
  const std::uint64_t lines = columns ? l.columns : l.rows, length = columns ? l.rows : l.columns;
  for (std::uint64_t i = 0; i < lines; ++i)
    checker().require_initialised(
        static_cast<const char*>(data) + i * static_cast<std::uint64_t>(l.leading) * size, length * size,
        who);
}

// TF32 keeps 10 bits of the mantissa: to nearest, ties away from zero.
float to_tf32(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::isfinite(x) ? std::bit_cast<float>((bits + 0x1000u) & ~0x1fffu) : x;
}

template <class T>
T gelu(T x) {  // the tanh form, as cuBLASLt documents it
  return T(0.5) * x * (T(1) + std::tanh(T(0.7978845608028654) * (x + T(0.044715) * x * x * x)));
}

// op(M) as [rows or columns first][...]: out[outer * inner_count + inner].
template <class T, class At>
std::vector<T> pack(std::uint64_t outer_count, std::uint64_t inner_count, bool tf32, At at) {
  std::vector<T> out(outer_count * inner_count);
  for (std::uint64_t i = 0; i < outer_count; ++i)
    for (std::uint64_t j = 0; j < inner_count; ++j) out[i * inner_count + j] = at(i, j);
  if constexpr (std::is_same_v<T, float>)
    if (tf32)
      for (T& x : out) x = to_tf32(x);
  return out;
}

template <class T>
void multiply_one(const Product& p, std::int64_t batch) {
  const auto offset = [batch](const Layout& l) { return batch * l.batch_stride; };
  const T* a = static_cast<const T*>(p.a_data) + offset(p.a);
  const T* b = static_cast<const T*>(p.b_data) + offset(p.b);
  const T* c = static_cast<const T*>(p.c_data) + offset(p.c);
  T* d = static_cast<T*>(p.d_data) + offset(p.d);
  T* bias = p.description.bias == nullptr
                ? nullptr
                : static_cast<T*>(p.description.bias) + batch * p.description.bias_stride;
  require_matrix(p.a, a, sizeof(T), "cublasLtMatmul");
  require_matrix(p.b, b, sizeof(T), "cublasLtMatmul");
  if (p.beta != 0) require_matrix(p.c, c, sizeof(T), "cublasLtMatmul");

  const std::uint64_t m = p.m(), n = p.n(), k = p.k();
  const bool tf32 = p.description.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
  const bool ta = p.description.transpose_a != CUBLAS_OP_N, tb = p.description.transpose_b != CUBLAS_OP_N;
  const auto a_at = [&](std::uint64_t kk, std::uint64_t i) {
    return a[ta ? element(p.a, kk, i) : element(p.a, i, kk)];
  };
  const auto b_at = [&](std::uint64_t j, std::uint64_t kk) {
    return b[tb ? element(p.b, j, kk) : element(p.b, kk, j)];
  };
  const std::vector<T> left = pack<T>(k, m, tf32, a_at), right = pack<T>(n, k, tf32, b_at);

  const bool adds_bias = p.has(CUBLASLT_EPILOGUE_BIAS);
  if (adds_bias) checker().require_initialised(bias, m * sizeof(T), "cublasLtMatmul's bias");
  std::vector<T> column(m);
  for (std::uint64_t j = 0; j < n; ++j) {
    std::fill(column.begin(), column.end(), T(0));
    for (std::uint64_t kk = 0; kk < k; ++kk) {
      const T r = right[j * k + kk];
      const T* l = &left[kk * m];
      for (std::uint64_t i = 0; i < m; ++i) column[i] += l[i] * r;
    }
    for (std::uint64_t i = 0; i < m; ++i) {
      T x = static_cast<T>(p.alpha) * column[i];
      if (p.beta != 0) x += static_cast<T>(p.beta) * c[element(p.c, i, j)];
      if (adds_bias) x += bias[i];
      if (p.has(CUBLASLT_EPILOGUE_RELU)) x = x < T(0) ? T(0) : x;
      if (p.has(CUBLASLT_EPILOGUE_GELU)) x = gelu(x);
      d[element(p.d, i, j)] = x;
      checker().written(&d[element(p.d, i, j)], sizeof(T));
    }
  }
  const bool grad_a = p.has(CUBLASLT_EPILOGUE_BGRADA), grad_b = p.has(CUBLASLT_EPILOGUE_BGRADB);
  if (!grad_a && !grad_b) return;
  // The bias gradient: op(A) or op(B) summed over k.
  for (std::uint64_t i = 0; i < (grad_a ? m : n); ++i) {
    T sum = 0;
    for (std::uint64_t kk = 0; kk < k; ++kk) sum += grad_a ? a_at(kk, i) : b_at(i, kk);
    bias[i] = sum;
  }
  checker().written(bias, (grad_a ? m : n) * sizeof(T));
}

double scalar(const Description& d, const void* p) {
  if (d.scale == CUDA_R_64F) return *static_cast<const double*>(p);
  return static_cast<double>(*static_cast<const float*>(p));
}

bool on_device(const void* p) { return device_memory().contains(p) || device_memory().is_pinned(p); }

}  // namespace
}  // namespace hardy::emulation

using namespace hardy::emulation;  // NOLINT(google-build-using-namespace): the API is C's

extern "C" {

const char* cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "unknown status";
}
const char* cublasLtGetStatusString(cublasStatus_t status) { return cublasLtGetStatusName(status); }
std::size_t cublasLtGetVersion() { return 130000; }
cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = new cublasLtContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type,
                                          std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t leading_dimension) {
  *layout = new HardyMatrixLayout{
      static_cast<std::uint32_t>(type), CUBLASLT_ORDER_COL, rows, columns, leading_dimension, 1, 0};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute, const void* value,
                                                std::size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE:
      return assign(layout->type, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ORDER:
      return assign(layout->order, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ROWS:
      return assign(layout->rows, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_COLS:
      return assign(layout->columns, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_LD:
      return assign(layout->leading, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      return assign(layout->batches, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
      return assign(layout->batch_stride, value, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* description, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  *description = new HardyMatmulDescription;
  (*description)->compute = compute;
  (*description)->scale = scale;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) {
  delete description;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d,
                                              cublasLtMatmulDescAttributes_t attribute, const void* value,
                                              std::size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE:
      return assign(d->compute, value, bytes);
    case CUBLASLT_MATMUL_DESC_SCALE_TYPE:
      return assign(d->scale, value, bytes);
    case CUBLASLT_MATMUL_DESC_POINTER_MODE:
      return assign(d->pointer_mode, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return assign(d->transpose_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return assign(d->transpose_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return assign(d->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return assign(d->bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE:
      return assign(d->bias_stride, value, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  *preference = new HardyMatmulPreference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, std::size_t bytes) {
  if (attribute != CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) return CUBLAS_STATUS_SUCCESS;
  return assign(preference->workspace, value, bytes);
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t description,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t* results, int* found) {
  *found = 0;
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (preference == nullptr || wanted < 1) return CUBLAS_STATUS_INVALID_VALUE;
  const cublasStatus_t status = check_shapes(*description, *a, *b, *c, *d);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  results[0] = {};
  results[0].state = CUBLAS_STATUS_SUCCESS;
  results[0].wavesCount = 1.0f;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t*, void*, std::size_t, cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  const cublasStatus_t status = check_shapes(*description, *a_layout, *b_layout, *c_layout, *d_layout);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (description->pointer_mode != CUBLASLT_POINTER_MODE_HOST) return CUBLAS_STATUS_NOT_SUPPORTED;
  const double beta_value = scalar(*description, beta);
  const bool pointers = on_device(a) && on_device(b) && on_device(d) && (beta_value == 0 || on_device(c));
  const bool needs_bias = (description->epilogue & (CUBLASLT_EPILOGUE_BIAS | CUBLASLT_EPILOGUE_BGRADA |
                                                    CUBLASLT_EPILOGUE_BGRADB)) != 0;
  if (!pointers || (needs_bias && !on_device(description->bias))) return CUBLAS_STATUS_INVALID_VALUE;
  const Product product{
      *description, *a_layout, *b_layout, *c_layout, *d_layout, a, b, c, d, scalar(*description, alpha),
      beta_value};
  const cudaError_t error = enqueue_library_call(stream, "cublasLtMatmul", [product] {
    for (std::int64_t batch = 0; batch < product.d.batches; ++batch)
      if (product.d.type == CUDA_R_64F)
        multiply_one<double>(product, batch);
      else
        multiply_one<float>(product, batch);
  });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
}
