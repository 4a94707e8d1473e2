// Warp collectives: shuffles, votes, matches and reductions over the lanes named by a mask.
#pragma once

#include <type_traits>

#include "cuda/emulation/device/execution.h"

namespace hardy::emulation {

enum class WarpOp { kShuffle, kVote, kMatch, kReduce, kMatrix, kSync };
struct WarpValues {
  unsigned arrived;           // lanes that took part
  std::uint64_t value[32];    // what each of them brought
  std::uint64_t more[32][2];  // and of a matrix product besides
  float product[16][8];       // which is this (run/tensor_cores.cc)
};
// The lanes of `mask` meet and see each other's values; valid until the calling thread waits again.
const WarpValues& warp_collect(unsigned mask, std::uint64_t value, WarpOp op, Site site);
const WarpValues& warp_collect(unsigned mask, const std::uint64_t (&values)[3], WarpOp op, Site site);
// The lane that a shuffle reads must have taken part.
[[noreturn]] void report_absent_lane(int lane, Site site);
[[noreturn]] void report_width(int width, Site site);

// source(lane, first lane of the segment, width) is the lane to read, or -1 for the caller's own value.
template <class T, class Source>
T shuffle(unsigned mask, T value, int width, Source source, Site site) {
  if (width <= 0 || width > 32 || (width & (width - 1)) != 0) report_width(width, site);
  const WarpValues& all = warp_collect(mask, to_bits(value), WarpOp::kShuffle, site);
  const int me = static_cast<int>(lane());
  const int from = source(me, me & ~(width - 1), width);
  if (from < 0 || from == me) return value;
  if ((all.arrived >> from & 1) == 0) report_absent_lane(from, site);
  return from_bits<T>(all.value[from]);
}

template <class T, class F>
T warp_reduce(unsigned mask, T value, F combine, Site site) {
  const WarpValues& all = warp_collect(mask, to_bits(value), WarpOp::kReduce, site);
  bool first = true;
  T result{};
  for (int i = 0; i < 32; ++i) {
    if ((all.arrived >> i & 1) == 0) continue;
    const T other = from_bits<T>(all.value[i]);
    result = first ? other : combine(result, other);
    first = false;
  }
  return result;
}

}  // namespace hardy::emulation

inline void __syncwarp(unsigned mask = 0xffffffffu,
                       hardy::emulation::Site site = hardy::emulation::Site::here()) {
  hardy::emulation::warp_collect(mask, 0, hardy::emulation::WarpOp::kSync, site);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::shuffle(
      mask, value, width, [source](int, int base, int w) { return base + (source & (w - 1)); }, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 hardy::emulation::Site site = hardy::emulation::Site::here()) {
  const int d = static_cast<int>(delta);
  return hardy::emulation::shuffle(
      mask, value, width, [d](int lane, int base, int) { return lane - d >= base ? lane - d : -1; }, site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   hardy::emulation::Site site = hardy::emulation::Site::here()) {
  const int d = static_cast<int>(delta);
  return hardy::emulation::shuffle(
      mask, value, width, [d](int lane, int base, int w) { return lane + d < base + w ? lane + d : -1; },
      site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32,
                  hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::shuffle(
      mask, value, width,
      [bits](int lane, int base, int w) { return (lane ^ bits) < base + w ? lane ^ bits : -1; }, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              hardy::emulation::Site site = hardy::emulation::Site::here()) {
  const auto& all =
      hardy::emulation::warp_collect(mask, predicate != 0, hardy::emulation::WarpOp::kVote, site);
  unsigned ballot = 0;
  for (int i = 0; i < 32; ++i)
    if ((all.arrived >> i & 1) != 0 && all.value[i] != 0) ballot |= 1u << i;
  return ballot;
}
inline int __any_sync(unsigned mask, int predicate,
                      hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return __ballot_sync(mask, predicate, site) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return __ballot_sync(mask, predicate == 0, site) == 0;
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value,
                          hardy::emulation::Site site = hardy::emulation::Site::here()) {
  const std::uint64_t mine = hardy::emulation::to_bits(value);
  const auto& all = hardy::emulation::warp_collect(mask, mine, hardy::emulation::WarpOp::kMatch, site);
  unsigned same = 0;
  for (int i = 0; i < 32; ++i)
    if ((all.arrived >> i & 1) != 0 && all.value[i] == mine) same |= 1u << i;
  return same;
}

// Integers only, as on the hardware (int and unsigned).
template <class T>
T __reduce_add_sync(unsigned mask, T value, hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::warp_reduce(
      mask, value, [](T a, T b) { return static_cast<T>(a + b); }, site);
}
template <class T>
T __reduce_min_sync(unsigned mask, T value, hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::warp_reduce(
      mask, value, [](T a, T b) { return a < b ? a : b; }, site);
}
template <class T>
T __reduce_max_sync(unsigned mask, T value, hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::warp_reduce(
      mask, value, [](T a, T b) { return a < b ? b : a; }, site);
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value,
                                  hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::warp_reduce(
      mask, value, [](unsigned a, unsigned b) { return a & b; }, site);
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value,
                                 hardy::emulation::Site site = hardy::emulation::Site::here()) {
  return hardy::emulation::warp_reduce(
      mask, value, [](unsigned a, unsigned b) { return a | b; }, site);
}
