// What becomes of a product's sums: where they go, what they are added to, and on the last piece of k the
// epilogue; of whole tiles that leave registers (TileEnd), and of what lies in memory first.
#pragma once

#include <cmath>
#include <cstdint>

#include "engine/ops/gemm.h"
#include "engine/ops/gemm_kernel.h"

namespace hardy::detail {

inline constexpr std::int64_t kNarrow = 8;  // columns of a C that finish_narrow() takes

// A piece of k.
struct Piece {
  std::int64_t begin, depth;
  bool add, last;  // it is added to C; no other follows
};

// The end of a tile of C that begins at row i and column j.
template <class T>
inline TileEnd<T> tile_end(const GemmArgs<T>& g, std::int64_t i, std::int64_t j, const Piece& piece) {
  return {g.c + i * g.ldc + j,
          g.ldc,
          piece.add && !g.one_chain,
          piece.last && g.bias ? g.bias + j : nullptr,
          piece.last && g.act == Activation::kRelu,
          piece.last && g.relu_mask ? g.relu_mask + i * g.ldmask + j : nullptr,
          g.ldmask,
          piece.add && g.one_chain};
}

// The epilogue of one element, as micro_kernel has it for whole tiles.
template <class T>
inline void finish(const GemmArgs<T>& g, std::int64_t i, std::int64_t j, const Piece& piece, T x) {
  T& c = g.c[i * g.ldc + j];
  if (piece.add && !g.one_chain) x += c;
  if (piece.last) {
    if (g.bias) x += g.bias[j];
    if (g.act == Activation::kRelu) x = x < T(0) ? T(0) : x;
    if (g.act == Activation::kTanh) x = std::tanh(x);
    if (g.relu_mask) x = g.relu_mask[i * g.ldmask + j] > T(0) ? x : T(0);
  }
  c = x;
}

// The epilogue of vectors, some or all of their lanes, as finish() has it of one element; not tanh. What it
// holds is decided once.
template <class T>
class VectorEnd {
  using V = typename VectorOf<T>::type;

 public:
  VectorEnd(const GemmArgs<T>& g, const Piece& piece)
      : add_(piece.add && !g.one_chain),
        bias_(piece.last && g.bias),
        relu_(piece.last && g.act == Activation::kRelu),
        mask_(piece.last && g.relu_mask) {}
  bool has_bias() const { return bias_; }
  bool has_mask() const { return mask_; }
  void operator()(const auto& lanes, V x, V bias, const T* mask, T* c) const {
    const V zero{};
    if (add_) x += lanes.load(c);
    if (bias_) x += bias;
    if (relu_) x = x < zero ? zero : x;
    if (mask_) x = lanes.load(mask) > zero ? x : zero;
    lanes.store(c, x);
  }

 private:
  bool add_, bias_, relu_, mask_;
};

// The end of a tile that lies in `tile`, `columns` from row to row, as micro_kernel has it for those that
// stay in registers: rows [i, i + rows) and columns [j, j + width) of C.
template <class T>
inline void finish_rows(const GemmArgs<T>& g, std::int64_t i, std::int64_t rows, std::int64_t j,
                        std::int64_t width, const Piece& piece, const T* tile, std::int64_t columns) {
  using V = typename VectorOf<T>::type;
  if (g.act == Activation::kTanh) {
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < width; ++c) finish(g, i + r, j + c, piece, tile[r * columns + c]);
    return;
  }
  const VectorEnd<T> end(g, piece);
  for_vectors<T>(width, [&](const auto& lanes, std::int64_t v) {
    const V bias = end.has_bias() ? lanes.load(g.bias + j + v) : V{};
    const T* mask = end.has_mask() ? g.relu_mask + i * g.ldmask + j + v : nullptr;
    const std::int64_t to_next = mask ? g.ldmask : 0, ldc = g.ldc;
    T* c = g.c + i * ldc + j + v;
    for (std::int64_t r = 0; r < rows; ++r, c += ldc, mask += to_next)
      end(lanes, lanes.load(tile + r * columns + v), bias, mask, c);
  });
}

// The end of whole rows [i, i + rows) of a narrow C, which lie in `tile` without a gap: where none is between
// C's either, all of them as one row.
template <class T>
inline void finish_narrow(const GemmArgs<T>& g, std::int64_t i, std::int64_t rows, const Piece& piece,
                          const T* tile) {
  using V = typename VectorOf<T>::type;
  constexpr std::int64_t lanes = VectorOf<T>::kLanes;
  if (g.ldc != g.n || (g.relu_mask && g.ldmask != g.n) || g.act == Activation::kTanh)
    return finish_rows(g, i, rows, 0, g.n, piece, tile, g.n);
  const VectorEnd<T> end(g, piece);
  T biases[kNarrow * lanes];  // the bias again and again: of n vectors each begins elsewhere in it
  for (std::int64_t e = 0; end.has_bias() && e < g.n * lanes; ++e) biases[e] = g.bias[e % g.n];
  const std::int64_t period = end.has_bias() ? g.n * lanes : 0;
  const T* mask = end.has_mask() ? g.relu_mask + i * g.n : nullptr;
  T* const c = g.c + i * g.n;
  std::int64_t b = 0;
  for_vectors<T>(rows * g.n, [&](const auto& part, std::int64_t e) {
    end(part, part.load(tile + e), period ? load(biases + b) : V{}, mask ? mask + e : nullptr, c + e);
    b = b + lanes < period ? b + lanes : 0;
  });
}

}  // namespace hardy::detail
