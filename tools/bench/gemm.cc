// Matrix products beside those of the libraries that were found when this was configured, on the shapes of
// a training step; one thread. See docs/matrix_products.md for what came out and how to run it.
#include "engine/ops/gemm.h"

#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/threads.h"
#ifdef HARDY_BENCH_OPENBLAS
#include <cblas.h>
#endif
#ifdef HARDY_BENCH_ONEDNN
#ifdef _OPENMP
#include <omp.h>
#endif
#include <oneapi/dnnl/dnnl.h>
#endif
#ifdef HARDY_BENCH_LIBXSMM
#include <libxsmm.h>
#endif

namespace {

using namespace hardy;

struct Shape {
  const char* name;
  int m, n, k;
  bool ta, tb;
  int count;
};
// hidden layers; first layers of hopper's, walker2d's and half_cheetah's widths; heads; their gradients; and
// what does not fit into a cache.
constexpr Shape kShapes[] = {
    {"hidden", 256, 256, 256, false, false, 1},         {"hidden_dx", 256, 256, 256, false, true, 1},
    {"hidden_dw", 256, 256, 256, true, false, 1},       {"hidden_x5", 256, 256, 256, false, false, 5},
    {"hidden_dx_x5", 256, 256, 256, false, true, 5},    {"hidden_dw_x5", 256, 256, 256, true, false, 5},
    {"input_11", 256, 256, 11, false, false, 1},        {"input_17", 256, 256, 17, false, false, 1},
    {"input", 256, 256, 23, false, false, 1},           {"input_dx_14", 256, 14, 256, false, true, 1},
    {"input_dx_17", 256, 17, 256, false, true, 1},      {"input_dx", 256, 23, 256, false, true, 1},
    {"input_dw_11", 11, 256, 256, true, false, 1},      {"input_dw_17", 17, 256, 256, true, false, 1},
    {"input_dw", 23, 256, 256, true, false, 1},         {"head", 256, 1, 256, false, false, 1},
    {"head_2", 256, 2, 256, false, false, 1},           {"head_3", 256, 3, 256, false, false, 1},
    {"head_4", 256, 4, 256, false, false, 1},           {"head_5", 256, 5, 256, false, false, 1},
    {"head_6", 256, 6, 256, false, false, 1},           {"head_7", 256, 7, 256, false, false, 1},
    {"head_8", 256, 8, 256, false, false, 1},           {"head_12", 256, 12, 256, false, false, 1},
    {"head_16", 256, 16, 256, false, false, 1},         {"head_dw", 256, 1, 256, true, false, 1},
    {"head_dw_3", 256, 3, 256, true, false, 1},         {"head_dw_6", 256, 6, 256, true, false, 1},
    {"head_dw_12", 256, 12, 256, true, false, 1},       {"head_dx", 256, 256, 1, false, true, 1},
    {"head_dx_3", 256, 256, 3, false, true, 1},         {"head_dx_6", 256, 256, 6, false, true, 1},
    {"head_dx_12", 256, 256, 12, false, true, 1},       {"one_row", 1, 256, 256, false, false, 1},
    {"layer_512", 256, 512, 512, false, false, 1},      {"layer_512_dx", 256, 512, 512, false, true, 1},
    {"layer_512_dw", 512, 512, 256, true, false, 1},    {"layer_1024", 256, 1024, 1024, false, false, 1},
    {"layer_1024_dw", 1024, 1024, 256, true, false, 1}, {"batch_4096", 4096, 256, 256, false, false, 1},
    {"batch_4096_dw", 256, 256, 4096, true, false, 1},  {"wide", 1024, 1024, 1024, false, false, 1},
    {"wide_dx", 1024, 1024, 1024, false, true, 1},      {"wide_dw", 1024, 1024, 1024, true, false, 1},
    {"large", 4096, 1024, 1024, false, false, 1},
};

// One thread's operands; `product` multiplies the i-th pair.
struct Operands {
  Shape s;
  std::vector<float> a, b, c;
  explicit Operands(const Shape& shape) : s(shape) {
    const auto fill = [](std::vector<float>& x, int size) {
      x.resize(static_cast<std::size_t>(size));
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7 % 13) * 0.1f - 0.6f;
    };
    fill(a, s.count * s.m * s.k);
    fill(b, s.count * s.k * s.n);
    fill(c, s.count * s.m * s.n);
  }
  int lda() const { return s.ta ? s.m : s.k; }
  int ldb() const { return s.tb ? s.k : s.n; }
  const float* a_of(int i) const { return a.data() + i * s.m * s.k; }
  const float* b_of(int i) const { return b.data() + i * s.k * s.n; }
  float* c_of(int i) { return c.data() + i * s.m * s.n; }
};

void measure(benchmark::State& state, Operands& o, const std::function<void()>& all) {
  all();
  for (auto _ : state) {
    all();
    benchmark::ClobberMemory();
  }
  const double flop = 2.0 * o.s.m * o.s.n * o.s.k * o.s.count;
  state.counters["FLOPS"] = benchmark::Counter(flop, benchmark::Counter::kIsIterationInvariantRate);
}

void hardy_gemm(benchmark::State& state, const Shape& s) {
  Operands o(s);
  ThreadTeam team(1);
  GemmArgs<float> g;
  g.m = s.m, g.n = s.n, g.k = s.k, g.transpose_a = s.ta, g.transpose_b = s.tb;
  g.a = o.a.data(), g.lda = o.lda(), g.b = o.b.data(), g.ldb = o.ldb(), g.c = o.c.data(), g.ldc = s.n;
  GemmStrides strides;
  strides.a = s.m * s.k, strides.b = s.k * s.n, strides.c = s.m * s.n;
  measure(state, o, [&] { gemm_batched(g, s.count, strides, team); });
}

void eigen(benchmark::State& state, const Shape& s) {
  Operands o(s);
  using M = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  measure(state, o, [&] {
    for (int i = 0; i < s.count; ++i) {
      const Eigen::Map<const M> a(o.a_of(i), s.ta ? s.k : s.m, o.lda()),
          b(o.b_of(i), s.tb ? s.n : s.k, o.ldb());
      Eigen::Map<M> c(o.c_of(i), s.m, s.n);
      if (s.ta)
        c.noalias() = a.transpose() * b;
      else if (s.tb)
        c.noalias() = a * b.transpose();
      else
        c.noalias() = a * b;
    }
  });
}

#ifdef HARDY_BENCH_OPENBLAS
void openblas(benchmark::State& state, const Shape& s) {
  Operands o(s);
  openblas_set_num_threads(1);
  measure(state, o, [&] {
    for (int i = 0; i < s.count; ++i)
      cblas_sgemm(CblasRowMajor, s.ta ? CblasTrans : CblasNoTrans, s.tb ? CblasTrans : CblasNoTrans, s.m, s.n,
                  s.k, 1, o.a_of(i), o.lda(), o.b_of(i), o.ldb(), 0, o.c_of(i), s.n);
  });
}
#endif

#ifdef HARDY_BENCH_ONEDNN
void onednn(benchmark::State& state, const Shape& s) {
  Operands o(s);
#ifdef _OPENMP
  omp_set_num_threads(1);
#endif
  measure(state, o, [&] {
    for (int i = 0; i < s.count; ++i)
      dnnl_sgemm(s.ta ? 'T' : 'N', s.tb ? 'T' : 'N', s.m, s.n, s.k, 1, o.a_of(i), o.lda(), o.b_of(i), o.ldb(),
                 0, o.c_of(i), s.n);
  });
}
#endif

#ifdef HARDY_BENCH_LIBXSMM
void xsmm(benchmark::State& state, const Shape& s) {
  Operands o(s);
  const int lda = o.lda(), ldb = o.ldb(), ldc = s.n, flags = LIBXSMM_GEMM_FLAG_NONE;
  const float alpha = 1, beta = 0;
  // Its kernels are column-major: C^T = B^T A^T.
  const libxsmm_smmfunction f =
      libxsmm_smmdispatch(s.n, s.m, s.k, &ldb, &lda, &ldc, &alpha, &beta, &flags, nullptr);
  if (!f) return state.SkipWithError("no kernel for this shape");
  measure(state, o, [&] {
    for (int i = 0; i < s.count; ++i) f(o.b_of(i), o.a_of(i), o.c_of(i));
  });
}
#endif

void add(const char* library, void (*body)(benchmark::State&, const Shape&), bool transposed = true) {
  for (const Shape& s : kShapes)
    if (transposed || (!s.ta && !s.tb))
      benchmark::RegisterBenchmark((std::string(s.name) + "/" + library).c_str(),
                                   [body, &s](benchmark::State& state) { body(state, s); });
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("kernel", gemm_kernel_name());
  Eigen::setNbThreads(1);  // OpenMP, which oneDNN needs, would give it all cores
  add("hardy", hardy_gemm);
  add("eigen", eigen);
#ifdef HARDY_BENCH_OPENBLAS
  add("openblas", openblas);
#endif
#ifdef HARDY_BENCH_ONEDNN
  add("onednn", onednn);
#endif
#ifdef HARDY_BENCH_LIBXSMM
  add("libxsmm", xsmm, false);
#endif
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
