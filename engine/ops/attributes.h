// What an op's kernels are told beside their operands: its attributes, the same on every device.
#pragma once

#include <cstdint>

namespace hardy::ops {

struct Fill {
  double value;
};
struct Reduction {  // sum, max, min, logsumexp and their gradients
  int axis;
};
struct Quantile {
  double alpha;
  int axis;
};
struct Concat {
  int axis;
};
struct Range {  // slice, pad
  int axis;
  std::int64_t begin;
};
struct GatherColumns {
  static constexpr int kMost = 15;  // outputs, and tables with repetition
  std::int32_t tables[kMost];       // of each output, side by side in its rows; 0: there are no more
};
struct LayerNorm {
  double epsilon;
};
struct Rotary {
  double base;
  double direction;  // 1; -1 turns back
};
struct TokenHead {  // logits are divided by it; 0 where the largest is taken
  double temperature;
};
struct Draw {
  std::uint32_t stream;
};
struct Keep {  // of an element where its 16 bits are not below
  std::uint32_t stream, below;
  float scale;  // of what is kept
};
struct LinearAttributes {
  std::int32_t activation = 0;  // as in engine/ops/gemm.h
  std::int32_t padded = 0;      // some rows are padding: linear.h
};

}  // namespace hardy::ops
