// Barriers and the collectives of a warp.
#include "cuda/emulation/device/tensor_cores.h"
#include "cuda/emulation/ptx/arithmetic.h"
#include "cuda/emulation/ptx/float_bits.h"
#include "cuda/emulation/ptx/machine.h"
#include "cuda/emulation/run/report.h"

namespace hardy::emulation::ptx {

void Machine::barrier(const Instruction& i) {
  const Site site{"PTX", i.line};
  if (i.flow == Flow::kBarrier) {
    block_barrier(BarrierKind::kPlain, false, site);
    return;
  }
  const BarrierKind kind = i.has("popc")  ? BarrierKind::kCount
                           : i.has("and") ? BarrierKind::kAnd
                                          : BarrierKind::kOr;
  set(i.operands[0], static_cast<std::uint64_t>(block_barrier(kind, get(i.operands.back()) != 0, site)));
}

const WarpValues& Machine::collect(const Instruction& i, std::uint64_t mask, std::uint64_t value, WarpOp op) {
  return warp_collect(static_cast<unsigned>(mask), value, op, {"PTX", i.line});
}

// shfl.sync.mode.b32 d{|p}, a, b, c, mask; c holds the segment's mask and the clamp.
void Machine::shuffle(const Instruction& i) {
  const std::size_t first = i.pair ? 2 : 1;
  const int b = static_cast<int>(source(i, first + 1) & 31);
  const auto c = static_cast<int>(source(i, first + 2));
  const WarpValues& all = collect(i, source(i, first + 3), source(i, first), WarpOp::kShuffle);
  const int me = static_cast<int>(lane()), segment = c >> 8 & 31, clamp = c & 31;
  const int highest = (me & segment) | (clamp & ~segment), lowest = me & segment;
  int from = i.has("up") ? me - b : i.has("down") ? me + b : i.has("bfly") ? me ^ b : lowest | (b & ~segment);
  const bool in_range = i.has("up") ? from >= highest : from <= highest;
  if (!in_range) from = me;
  if ((all.arrived >> from & 1) == 0) report_absent_lane(from, {"PTX", i.line});
  set(i.operands[0], all.value[from]);
  if (i.pair) set(i.operands[1], in_range);
}

void Machine::vote(const Instruction& i) {
  const WarpValues& all = collect(i, source(i, 2), source(i, 1) != 0, WarpOp::kVote);
  std::uint32_t ballot = 0;
  for (int k = 0; k < 32; ++k)
    if ((all.arrived >> k & 1) != 0 && all.value[k] != 0) ballot |= 1u << k;
  const bool every = ballot == all.arrived;
  set(i.operands[0], i.has("ballot") ? ballot
                     : i.has("all")  ? every
                     : i.has("any")  ? ballot != 0
                                     : every || ballot == 0);
}

void Machine::match(const Instruction& i) {
  const std::size_t first = i.pair ? 2 : 1;
  const std::uint64_t mine = source(i, first) & ones(i.type.bits);
  const WarpValues& all = collect(i, source(i, first + 1), mine, WarpOp::kMatch);
  std::uint32_t same = 0;
  for (int k = 0; k < 32; ++k)
    if ((all.arrived >> k & 1) != 0 && all.value[k] == mine) same |= 1u << k;
  const bool every = same == all.arrived;
  set(i.operands[0], i.has("all") && !every ? 0 : same);
  if (i.pair) set(i.operands[1], every);
}

void Machine::reduce_warp(const Instruction& i) {
  const WarpValues& all = collect(i, source(i, 2), source(i, 1), WarpOp::kReduce);
  bool first = true;
  std::uint64_t result = 0;
  for (int k = 0; k < 32; ++k) {
    if ((all.arrived >> k & 1) == 0) continue;
    const std::uint64_t pair[] = {result, all.value[k]};
    result = first ? all.value[k] : evaluate(i, pair, 2, carry_);
    first = false;
  }
  set(i.operands[0], result);
}

// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {d0, ..., d3}, {a0, ..., a3}, {b0, b1}, {c0, ..., c3}
void Machine::multiply_matrices(const Instruction& i) {
  static const std::vector<std::string> known{"sync", "aligned", "m16n8k8", "row", "col",
                                              "f32",  "tf32",    "tf32",    "f32"};
  if (i.modifiers != known) bad(i, "not covered by the interpreter");
  const auto word = [&](std::size_t operand, std::size_t k) {
    return static_cast<std::uint32_t>(get(i.operands[operand].elements[k]));
  };
  std::uint32_t a[4], b[2];
  float c[4], d[4];
  for (std::size_t k = 0; k < 4; ++k) a[k] = word(1, k);
  for (std::size_t k = 0; k < 2; ++k) b[k] = word(2, k);
  for (std::size_t k = 0; k < 4; ++k) c[k] = as<float>(word(3, k));
  multiply_tf32(a, b, c, d, {"PTX", i.line});
  for (std::size_t k = 0; k < 4; ++k) set(i.operands[0].elements[k], bits_of(d[k]));
}

}  // namespace hardy::emulation::ptx
