// Barriers of a block and collectives of a warp: rendezvous of threads that must come from one place.
#include <algorithm>
#include <bit>
#include <cstring>

#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/device/tensor_cores.h"
#include "cuda/emulation/run/block.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/sanitizers.h"

namespace hardy::emulation {
namespace {

bool same(Site a, Site b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

void open_barrier() {
  Barrier& b = block().barrier;
  b.count_result = b.count;
  b.all_result = b.all;
  b.any_result = b.any;
  b.count = b.any = b.arrived = 0;
  b.all = 1;
  ++b.generation;
  checker().block_barrier();
  for (Thread& t : block().threads)
    if (t.state == ThreadState::kWaiting && t.at_barrier) t.state = ThreadState::kReady;
}

// A collective is complete when every lane of its mask has come or exited.
void complete_if_all_came(Warp& warp, WarpCollective& c) {
  if (c.complete || (c.mask & ~warp.exited & ~c.arrived) != 0) return;
  c.complete = true;
  c.values.arrived = c.arrived;
  const auto first = static_cast<std::size_t>(&warp - block().warps.data()) * 32;
  if (c.op == WarpOp::kMatrix) multiply_matrices(c.values);
  if (c.op == WarpOp::kSync) checker().warp_barrier(static_cast<unsigned>(first / 32), c.arrived);
  for (unsigned lanes = c.arrived; lanes != 0; lanes &= lanes - 1) {
    Thread& t = block().threads[first + static_cast<std::size_t>(std::countr_zero(lanes))];
    if (t.state == ThreadState::kWaiting && !t.at_barrier) t.state = ThreadState::kReady;
  }
}

// The collective that this lane joins, or a new one.
WarpCollective& join(Warp& warp, unsigned lane_bit, unsigned mask, WarpOp op, Site site) {
  WarpCollective* joined = nullptr;
  for (unsigned used = warp.used; used != 0; used &= used - 1) {
    WarpCollective& c = warp.pending[std::countr_zero(used)];
    if (c.complete) continue;
    if (c.mask != mask && (c.mask & lane_bit) != 0)
      fail("divergent warp collective: %s has mask 0x%08x, but %s with mask 0x%08x waits for this lane",
           place(site).c_str(), mask, place(c.site).c_str(), c.mask);
    if (c.mask == mask && (c.arrived & lane_bit) == 0) joined = &c;
  }
  if (joined == nullptr) {
    const int free = std::countr_one(warp.used);
    warp.used |= 1u << free;
    joined = &warp.pending[free];
    joined->mask = mask;
    joined->arrived = joined->left = 0;
    joined->complete = false;
    joined->op = op;
    joined->site = site;
  } else if (joined->op != op || !same(joined->site, site)) {
    fail("divergent warp collective: this lane is at %s, others with mask 0x%08x at %s", place(site).c_str(),
         mask, place(joined->site).c_str());
  }
  return *joined;
}

}  // namespace

int block_barrier(BarrierKind kind, bool predicate, Site site) {
  Barrier& b = block().barrier;
  if (b.arrived == 0) {
    b.kind = kind;
    b.site = site;
  } else if (b.kind != kind || !same(b.site, site)) {
    fail("divergent barrier: this thread is in __syncthreads at %s, others of its block at %s",
         place(site).c_str(), place(b.site).c_str());
  }
  b.count += predicate;
  b.all &= predicate;
  b.any |= predicate;
  char* token = &block().barrier_token[b.generation & 1];
  race_release(token);
  ++b.arrived;
  block().progress = true;
  if (b.arrived == block().live)
    open_barrier();
  else
    wait(site, true);
  race_acquire(token);
  return kind == BarrierKind::kCount ? b.count_result
         : kind == BarrierKind::kAnd ? b.all_result
                                     : b.any_result;
}

const WarpValues& warp_collect(unsigned mask, std::uint64_t value, WarpOp op, Site site) {
  return warp_collect(mask, {value, 0, 0}, op, site);
}

const WarpValues& warp_collect(unsigned mask, const std::uint64_t (&values)[3], WarpOp op, Site site) {
  const unsigned lane_bit = 1u << lane();
  Warp& warp = block().warps[thread_rank() / 32];
  if ((mask & lane_bit) == 0)
    fail("%s: lane %u is not in the mask 0x%08x that it gives", place(site).c_str(), lane(), mask);
  WarpCollective& c = join(warp, lane_bit, mask, op, site);
  c.values.value[lane()] = values[0];
  if (op == WarpOp::kMatrix) std::copy_n(values + 1, 2, c.values.more[lane()]);
  c.arrived |= lane_bit;
  block().progress = true;
  if (op == WarpOp::kSync) race_release(&c);  // only __syncwarp orders memory
  complete_if_all_came(warp, c);
  if (!c.complete) wait(site, false);
  if (op == WarpOp::kSync) race_acquire(&c);
  c.left |= lane_bit;
  if (c.left == c.arrived) warp.used &= ~(1u << (&c - warp.pending));
  return c.values;
}

void leave_collectives() {
  Warp& warp = block().warps[thread_rank() / 32];
  warp.exited |= 1u << lane();
  for (unsigned used = warp.used; used != 0; used &= used - 1)
    complete_if_all_came(warp, warp.pending[std::countr_zero(used)]);
  const Barrier& b = block().barrier;
  if (b.arrived != 0 && b.arrived == block().live) open_barrier();
}

void report_absent_lane(int lane, Site site) {
  fail("%s: a shuffle reads lane %d, which has exited or is not in the mask", place(site).c_str(), lane);
}

void report_width(int width, Site site) {
  fail("%s: a shuffle's width is %d; 1, 2, 4, 8, 16 or 32 would be right", place(site).c_str(), width);
}

void report_block_size(int wanted, Site site) {
  fail("%s: a block primitive for %d threads in a block of %u", place(site).c_str(), wanted,
       blockDim.x * blockDim.y * blockDim.z);
}

}  // namespace hardy::emulation
