// cuBLASLt on the host: descriptors, the algorithms that a query offers, and which of them take a product.
//
// Algorithms compute the same; they differ in what they decline. Each relies on all of the alignment that the
// query promised for A, B, C and D (256 bytes unless its preference says less) and declines operands that
// break the promise. No preference is about the bias: one that is not on a multiple of 16 bytes is a bug, as
// the kernels of a GPU would fault on it.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "cuda/emulation/control.h"
#include "cuda/emulation/device/launch.h"
#include "cuda/emulation/run/memory.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/statistics.h"
#include "cuda/emulation/shims/matmul.h"

struct cublasLtContext {};
struct HardyMatmulPreference {
  std::uint64_t workspace = 0;
  std::array<std::uint32_t, 4> alignment = {256, 256, 256, 256};  // of A, B, C, D in bytes
};

namespace hardy::emulation {
namespace {

template <class T>
cublasStatus_t assign(T& field, const void* value, std::size_t bytes) {
  if (value == nullptr || bytes != sizeof field) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&field, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

constexpr int kAlgorithms = 10;  // that a query offers at most
struct Algorithm {               // what lies in a cublasLtMatmulAlgo_t
  std::uint32_t number = 0, epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  std::array<std::uint32_t, 4> alignment = {256, 256, 256, 256};
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

bool is_aligned(const void* pointer, std::int64_t stride, std::int64_t batches, std::size_t size,
                std::uint32_t alignment) {
  const std::uint64_t step = batches > 1 ? static_cast<std::uint64_t>(stride) * size : 0;
  return (reinterpret_cast<std::uintptr_t>(pointer) | step) % alignment == 0;
}

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

double scalar(const Description& d, const void* p) {
  if (d.scale == CUDA_R_64F) return *static_cast<const double*>(p);
  return static_cast<double>(*static_cast<const float*>(p));
}

bool on_device(const void* p) { return device_memory().contains(p) || device_memory().is_pinned(p); }

// Whether the algorithm takes these operands.
bool declines(const Algorithm& algorithm, const Product& p) {
  const bool fused = p.description.epilogue != CUBLASLT_EPILOGUE_DEFAULT;
  const int declined = fused ? options().declined_fused : options().declined_plain;
  if (algorithm.number < static_cast<std::uint32_t>(declined)) return true;
  if (algorithm.epilogue != p.description.epilogue) return true;
  const auto suits = [&](const void* data, const Layout& l, std::size_t i) {
    return is_aligned(data, l.batch_stride, l.batches, size_of(l), algorithm.alignment[i]);
  };
  return !suits(p.a_data, p.a, 0) || !suits(p.b_data, p.b, 1) || (p.beta != 0 && !suits(p.c_data, p.c, 2)) ||
         !suits(p.d_data, p.d, 3);
}
void require_aligned_bias(const Product& p) {
  const Description& d = p.description;
  if (!is_aligned(d.bias, d.bias_stride, p.d.batches, size_of(p.d), 16))
    fail(
        "cublasLtMatmul: the bias at %p with a batch stride of %lld elements is not always on a multiple of "
        "16 "
        "bytes, which its kernels read at once",
        d.bias, static_cast<long long>(d.bias_stride));
}

// What cublasLtMatmul does with its arguments. `algorithm`: null where the caller leaves the choice to it.
cublasStatus_t enqueue_product(const Product& p, const cublasLtMatmulAlgo_t* algorithm, cudaStream_t stream) {
  const cublasStatus_t status = check_shapes(p.description, p.a, p.b, p.c, p.d);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const bool pointers = on_device(p.a_data) && on_device(p.b_data) && on_device(p.d_data) &&
                        (p.beta == 0 || on_device(p.c_data));
  const bool needs_bias =
      p.has(CUBLASLT_EPILOGUE_BIAS) || p.has(CUBLASLT_EPILOGUE_BGRADA) || p.has(CUBLASLT_EPILOGUE_BGRADB);
  if (!pointers || (needs_bias && !on_device(p.description.bias))) return CUBLAS_STATUS_INVALID_VALUE;
  Algorithm chosen{.epilogue = p.description.epilogue};
  if (algorithm != nullptr) std::memcpy(static_cast<void*>(&chosen), algorithm, sizeof chosen);
  if (declines(chosen, p)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (needs_bias) require_aligned_bias(p);
  const cudaError_t error = enqueue_library_call(stream, "cublasLtMatmul", [p] { multiply(p); });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

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
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
    return assign(preference->workspace, value, bytes);
  constexpr int kFirst = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;  // B, C and D follow
  const int operand = attribute - kFirst;
  if (operand < 0 || operand > 3) return CUBLAS_STATUS_SUCCESS;
  std::uint32_t alignment = 0;
  const cublasStatus_t status = assign(alignment, value, bytes);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (!std::has_single_bit(alignment)) return CUBLAS_STATUS_INVALID_VALUE;
  preference->alignment[static_cast<std::size_t>(operand)] = alignment;
  return CUBLAS_STATUS_SUCCESS;
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
  *found = std::min(wanted, kAlgorithms);
  for (int i = 0; i < *found; ++i) {
    const Algorithm algorithm{static_cast<std::uint32_t>(i), description->epilogue, preference->alignment};
    results[i] = {};
    std::memcpy(&results[i].algo, &algorithm, sizeof algorithm);
    results[i].state = CUBLAS_STATUS_SUCCESS;
    results[i].wavesCount = 1.0f;
  }
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algorithm, void*, std::size_t,
                              cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (description->pointer_mode != CUBLASLT_POINTER_MODE_HOST) return CUBLAS_STATUS_NOT_SUPPORTED;
  const Product product{*description,
                        *a_layout,
                        *b_layout,
                        *c_layout,
                        *d_layout,
                        a,
                        b,
                        c,
                        d,
                        scalar(*description, alpha),
                        scalar(*description, beta)};
  const cublasStatus_t status = enqueue_product(product, algorithm, stream);
  if (status != CUBLAS_STATUS_SUCCESS) ++counters().declined_products;
  return status;
}
}
