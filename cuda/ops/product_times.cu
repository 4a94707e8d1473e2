// Products timed by CUDA events, way by way (engine/ops/product_times.h).
#include <functional>
#include <memory>

#include "cuda/elements.cuh"
#include "cuda/ops/product.h"
#include "cuda/ops/shallow.h"
#include "cuda/ops/tensor_product.h"
#include "cuda/stream.h"
#include "engine/ops/product_times.h"

namespace hardy::cuda {
namespace {

struct FreeMemory {
  void operator()(float* memory) const { cudaFree(memory); }
};
using Floats = std::unique_ptr<float, FreeMemory>;

// Numbers between -1 and 1 of many bits: zeros would take less power, and so less time.
__global__ void operand_kernel(float* x, std::int64_t n) {
  for (const std::int64_t i : every(n))
    x[i] = static_cast<float>(static_cast<std::uint32_t>(i) * 2654435761u) * 0x1p-31f - 1;
}
Floats filled(std::int64_t n, CudaStream& stream) {
  void* memory = nullptr;
  stream.handle();  // its device
  check(cudaMalloc(&memory, static_cast<std::size_t>(n) * sizeof(float)), "allocating an operand");
  Floats floats(static_cast<float*>(memory));
  launch("an operand", operand_kernel, blocks_for(n), kThreads, stream, floats.get(), n);
  return floats;
}

class Event {
 public:
  Event() { check(cudaEventCreate(&event_), "creating an event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record(CudaStream& stream) { check(cudaEventRecord(event_, stream.handle()), "recording an event"); }
  double microseconds_since(const Event& before) const {
    check(cudaEventSynchronize(event_), "a product");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, before.event_, event_), "reading an event");
    return 1e3 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

// Of one of `repetitions` within a graph: what the host takes to launch is no part of it.
double microseconds_of(int repetitions, CudaStream& stream, const std::function<void()>& product) {
  const auto captured = stream.capture([&] {
    for (int i = 0; i < repetitions; ++i) product();
  });
  stream.replay(*captured);
  Event before, after;
  before.record(stream);
  stream.replay(*captured);
  after.record(stream);
  return after.microseconds_since(before) / repetitions;
}

void time_product(device::Stream& on, const ops::TimedProduct& t, ops::ProductTimes& times) {
  CudaStream& stream = as_cuda(on);
  const Floats a = filled(t.count * t.m * t.k, stream), b = filled(t.count * t.k * t.n, stream),
               c = filled(t.count * t.m * t.n, stream), vector = filled(t.count * t.n, stream);
  Product p;
  p.m = t.m, p.n = t.n, p.k = t.k, p.count = t.count;
  p.a = a.get(), p.stride_a = t.m * t.k, p.transpose_a = t.transpose_a;
  p.b = b.get(), p.stride_b = t.k * t.n, p.transpose_b = t.transpose_b;
  p.c = c.get(), p.stride_c = t.m * t.n;
  if (t.bias_and_relu) p.bias = vector.get(), p.stride_bias = t.n, p.activation = Activation::kRelu;
  if (t.column_sums) p.column_sums = vector.get(), p.stride_sums = t.n;
  for (const ProductWay& way : offers(p, stream)) {
    const auto product = [&] { return multiply_by(way, p, stream); };
    if (!product()) continue;
    stream.synchronise();
    times.library.push_back(microseconds_of(t.repetitions, stream, product));
  }
  const auto time_own = [&](auto product) {
    product();
    stream.synchronise();
    times.own.push_back(microseconds_of(t.repetitions, stream, product));
  };
  int index = 0;
  check(cudaGetDevice(&index), "asking for the device");
  const ThinLayer layer{.groups = t.count,
                        .rows = t.transpose_a ? t.k : t.m,
                        .in = t.transpose_a ? t.m : t.k,
                        .out = t.n,
                        .x = p.a};
  if (t.bias_and_relu && is_shallow(layer))
    time_own([&] { shallow_forward(layer, p.b, p.bias, p.activation, p.c, stream); });
  else if (t.transpose_a && is_shallow(layer) && layer.rows <= kShallowRows)
    time_own([&] { shallow_gradients(layer, p.b, p.c, p.column_sums, stream); });
  else if (!lack_of_tensor_cores(index) && suits_tensor_cores(p))
    time_own([&] { multiply_on_tensor_cores(p, stream); });
  stream.synchronise();
}

const device::RegisterLaunch registration(kBackend, ops::kTimeProduct, time_product);

}  // namespace
}  // namespace hardy::cuda
