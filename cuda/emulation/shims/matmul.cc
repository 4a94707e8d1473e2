// Matrix products on the host, for cublas_lt.cc.
#include "cuda/emulation/shims/matmul.h"

#include <cmath>
#include <vector>

#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/control.h"
#include "cuda/emulation/device/tensor_cores.h"

namespace hardy::emulation {
namespace {

std::size_t element(const Layout& m, std::uint64_t row, std::uint64_t column) {
  const auto ld = static_cast<std::uint64_t>(m.leading);
  return m.order == CUBLASLT_ORDER_COL ? column * ld + row : row * ld + column;
}

void require_matrix(const Layout& l, const void* data, std::size_t size, const char* who) {
  const bool columns = l.order == CUBLASLT_ORDER_COL;
  const std::uint64_t lines = columns ? l.columns : l.rows, length = columns ? l.rows : l.columns;
  for (std::uint64_t i = 0; i < lines; ++i)
    checker().require_initialised(
        static_cast<const char*>(data) + i * static_cast<std::uint64_t>(l.leading) * size, length * size,
        who);
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
      if (p.has(CUBLASLT_EPILOGUE_RELU) && (x < T(0) || (std::isnan(x) && !options().relu_keeps_nan)))
        x = T(0);
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

}  // namespace

void multiply(const Product& p) {
  for (std::int64_t batch = 0; batch < p.d.batches; ++batch)
    if (p.d.type == CUDA_R_64F)
      multiply_one<double>(p, batch);
    else
      multiply_one<float>(p, batch);
}

}  // namespace hardy::emulation
