// concat, slice and pad (engine/ops/concat.h): a thread to an element of the output.
#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/ops/attributes.h"

namespace hardy::cuda {
namespace {

constexpr std::size_t kMostOperands = 16;

// f(Word{}) with the word that the type's elements are made of.
template <class F>
void with_word(DType type, F&& f) {
  if (type == DType::kBool)
    f(std::uint8_t{});
  else if (type == DType::kF64)
    f(std::uint64_t{});
  else
    f(std::uint32_t{});
}
std::int64_t row_of(const graph::Buffer& b, int axis) { return b.shape.product(axis, b.shape.rank()); }

template <class Word>
struct Parts {
  const Word* data[kMostOperands];
  std::int64_t end[kMostOperands];  // where the operand's part of a row ends
  int count;
};
template <class Word>
__global__ void concat_kernel(Parts<Word> parts, std::int64_t row, std::int64_t n, Word* to) {
  for (const std::int64_t i : every(n)) {
    const std::int64_t within = i % row;
    int part = 0;
    std::int64_t begin = 0;
    while (within >= parts.end[part]) begin = parts.end[part++];
    to[i] = parts.data[part][i / row * (parts.end[part] - begin) + within - begin];
  }
}
void concat(const graph::KernelCall& call, device::Stream& stream) {
  const graph::Buffer& out = call.outputs[0];
  const int axis = call.attribute<ops::Concat>().axis;
  with_word(out.type, [&](auto w) {
    using Word = decltype(w);
    Parts<Word> parts{};
    std::int64_t end = 0;
    for (const graph::Buffer& input : call.inputs) {
      parts.data[parts.count] = input.as<const Word>();
      parts.end[parts.count++] = end += row_of(input, axis);
    }
    launch("concat", concat_kernel<Word>, blocks_for(out.elements()), kThreads, stream, parts,
           row_of(out, axis), out.elements(), out.as<Word>());
  });
}

// The part [skip, skip + row) of rows that are `whole` long.
template <class Word>
__global__ void slice_kernel(const Word* from, std::int64_t whole, std::int64_t skip, std::int64_t row,
                             std::int64_t n, Word* to) {
  for (const std::int64_t i : every(n)) to[i] = from[i / row * whole + skip + i % row];
}
void slice(const graph::KernelCall& call, device::Stream& stream) {
  const graph::Buffer &in = call.inputs[0], &out = call.outputs[0];
  const auto range = call.attribute<ops::Range>();
  with_word(out.type, [&](auto w) {
    using Word = decltype(w);
    launch("slice", slice_kernel<Word>, blocks_for(out.elements()), kThreads, stream, in.as<const Word>(),
           row_of(in, range.axis), range.begin * in.shape.product(range.axis + 1, in.shape.rank()),
           row_of(out, range.axis), out.elements(), out.as<Word>());
  });
}

// The slice's gradient: its elements in their place, zeros around them.
template <class Word>
__global__ void pad_kernel(const Word* from, std::int64_t whole, std::int64_t skip, std::int64_t row,
                           std::int64_t n, Word* to) {
  for (const std::int64_t i : every(n)) {
    const std::int64_t within = i % whole - skip;
    to[i] = within >= 0 && within < row ? from[i / whole * row + within] : Word(0);
  }
}
void pad(const graph::KernelCall& call, device::Stream& stream) {
  const graph::Buffer &in = call.inputs[0], &out = call.outputs[0];
  const auto range = call.attribute<ops::Range>();
  with_word(out.type, [&](auto w) {
    using Word = decltype(w);
    launch("pad", pad_kernel<Word>, blocks_for(out.elements()), kThreads, stream, in.as<const Word>(),
           row_of(out, range.axis), range.begin * out.shape.product(range.axis + 1, out.shape.rank()),
           row_of(in, range.axis), out.elements(), out.as<Word>());
  });
}

const graph::RegisterKernel concat_registration(kBackend, "concat", concat);
const graph::RegisterKernel slice_registration(kBackend, "slice", slice);
const graph::RegisterKernel pad_registration(kBackend, "pad", pad);

}  // namespace
}  // namespace hardy::cuda
