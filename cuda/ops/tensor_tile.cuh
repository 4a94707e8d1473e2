// Tiles of the operands of a product on tensor cores: how they come out of memory, how they lie in shared
// memory, and how a warp takes from there what the cores ask for.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "cuda/elements.cuh"
#include "cuda/tensor_cores.cuh"

namespace hardy::cuda {

inline constexpr std::uint32_t kCoreDepth = 8;  // of k in one of the cores' products

// An operand's tile: kLines rows of op(A), or columns of op(B), by kDepth of k; in global memory its k lie
// side by side (kAlongK) or its lines do. A warp has kPieces times eight of these lines, a lane kPieces.
//
// The cores add over eight of k in any order: a lane t of four takes k = 2t and 2t + 1, and which lines are
// whose is free as well, so that what a lane takes lies side by side. Eight of k are a step. Along k its
// lines have eight numbers each, and those that eight lanes take at once follow each other; otherwise its
// eight lines of k do, the even ones first. With the padding that makes 32 banks of all that is read at once.
template <bool kAlongK, int kLines_, int kDepth_, int kPieces_>
struct TensorTile {
  static constexpr std::uint32_t kLines = kLines_, kDepth = kDepth_, kPieces = kPieces_,
                                 kBeside = std::min(kPieces_, 4),  // lines of a lane that lie side by side
      kGroup = 8 * kBeside, kPitch = kLines + 8,
                                 kStep = kAlongK ? kLines * 9 + (kDepth == 16 ? 16 : 8) : kCoreDepth * kPitch,
                                 kSize = kDepth / kCoreDepth * kStep;
  static_assert(kLines % (8 * kPieces) == 0 && kDepth % 16 == 0);

  // Of a sum of powers of two, each of the two numbers' own, it is the sum: what a thread's places have in
  // common is counted once, and the rest are constants.
  static constexpr __device__ std::uint32_t place(std::uint32_t line, std::uint32_t k) {
    const std::uint32_t step = k / kCoreDepth * kStep, of_step = k % kCoreDepth;
    if (!kAlongK) return step + (of_step % 2 * 4 + of_step / 2) * kPitch + line;
    return step + of_step +
           (line % kBeside * 9 + line / kBeside % 8 + line / kGroup * (9 * kBeside)) * kCoreDepth;
  }

  // The i-th line of the lanes g of a warp whose own begin at `first`.
  static constexpr __device__ std::uint32_t line(std::uint32_t first, std::uint32_t g, std::uint32_t i) {
    return first + i / kBeside * kGroup + g * kBeside + i % kBeside;
  }

  // Where what the lane g, t takes begins.
  static __device__ std::uint32_t origin(std::uint32_t first, std::uint32_t g, std::uint32_t t) {
    return place(line(first, g, 0), 2 * t);
  }
  // From there: k = 2t and 2t + 1 of the step for each of its lines.
  static __device__ void take(float (&x)[kPieces][2], const float* from, std::uint32_t step) {
    if constexpr (kAlongK) {
#pragma unroll
      for (std::uint32_t i = 0; i < kPieces; ++i) {
        const auto two = read_pack<2>(from + (step * kStep + place(line(0, 0, i), 0)), 0);
        x[i][0] = two.at[0], x[i][1] = two.at[1];
      }
    } else {
#pragma unroll
      for (std::uint32_t odd = 0; odd < 2; ++odd)
#pragma unroll
        for (std::uint32_t i = 0; i < kPieces; i += kBeside) {
          const auto some = read_pack<kBeside>(from + (step * kStep + place(line(0, 0, i), odd)), 0);
#pragma unroll
          for (std::uint32_t j = 0; j < kBeside; ++j) x[i + j][odd] = some.at[j];
        }
    }
  }
};

// A thread's part of such tiles on its way through registers, N elements at once, from one tile of k to the
// next.
template <bool kAlongK, class Tile, int kBlock, int N>
struct TensorTileOnItsWay {
  static constexpr std::uint32_t kPacksOfALine = (kAlongK ? Tile::kDepth : Tile::kLines) / N,
                                 kStride =
                                     kBlock / kPacksOfALine,  // from one of a thread's packs to the next
      kPacks = Tile::kLines * Tile::kDepth / kBlock / N;
  static_assert(kBlock % kPacksOfALine == 0 && std::has_single_bit(kStride));
  Pack<float, N> packs[kPacks];
  const float* from;
  std::uint32_t lines_left, k_left;  // from this thread's first on

  static __device__ std::uint32_t line() {
    return kAlongK ? threadIdx.x / kPacksOfALine : threadIdx.x % kPacksOfALine * N;
  }
  static __device__ std::uint32_t k() {
    return kAlongK ? threadIdx.x % kPacksOfALine * N : threadIdx.x / kPacksOfALine;
  }
  // Where in a tile a thread writes first.
  static __device__ std::uint32_t origin() { return Tile::place(line(), k()); }

  // To the operand's line `first`, and its first k.
  __device__ void begin(const float* matrix, std::uint32_t lines, std::uint32_t depth, std::uint32_t first) {
    const std::uint32_t own = first + line();
    from = matrix + (kAlongK ? own * depth + k() : k() * lines + own);
    lines_left = own < lines ? lines - own : 0;
    k_left = k() < depth ? depth - k() : 0;
  }
  // What is beyond the operand's ends are zeros.
  __device__ void read(std::uint32_t lines, std::uint32_t depth) {
    const std::uint32_t length = kAlongK ? depth : lines,
                        within = kAlongK ? (k_left > 0 ? lines_left : 0) : (lines_left > 0 ? k_left : 0);
#pragma unroll
    for (std::uint32_t i = 0; i < kPacks; ++i) {
      packs[i] = {};
      if (i * kStride < within) packs[i] = read_pack<N>(from + i * kStride * length, 0);
    }
    from += kAlongK ? Tile::kDepth : Tile::kDepth * length;
    k_left = k_left > Tile::kDepth ? k_left - Tile::kDepth : 0;
  }
  // From a tile's origin on.
  __device__ void write(float* to) const {
#pragma unroll
    for (std::uint32_t i = 0; i < kPacks; ++i)
      write_pack(to + (kAlongK ? Tile::place(i * kStride, 0) : Tile::place(0, i * kStride)), 0, packs[i]);
  }
};

// x = big + small to 2^-23 of x. The cores do not look at the 13 bits that TF32 lacks: of small that is one
// bit of x at most. A NaN stays one in small, if not in big; an infinity becomes one there.
inline __device__ void split(float x, std::uint32_t& big, std::uint32_t& small) {
  big = to_tf32(x);
  small = __float_as_uint(x - __uint_as_float(big));
}

}  // namespace hardy::cuda
