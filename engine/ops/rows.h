// What kernels over rows (the last axis) share: sums in an order fixed by the length alone, and rows
// dealt to the threads in pieces that do not depend on their number.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/base/aligned.h"
#include "engine/base/threads.h"

namespace hardy::ops {

// value(0) + ... + value(n - 1): 16 interleaved partial sums, then a tree.
template <class T, class Value>
T sum_of(std::int64_t n, Value&& value) {
  constexpr int kSums = 16;
  T sums[kSums] = {};
  std::int64_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (int l = 0; l < kSums; ++l) sums[l] += value(i + l);
  for (int l = 0; i < n; ++i, ++l) sums[l] += value(i);
  for (int width = kSums / 2; width; width /= 2)
    for (int l = 0; l < width; ++l) sums[l] += sums[l + width];
  return sums[0];
}

// What a thread's memory for a kernel's intermediate values is for: each use has its own.
enum class Scratch {
  kTokenRows,
  kTokenLogits,
  kTokenSlopes,
  kTokenWeights,
  kTokenChoice,
  kKeys,
  kValues,
  kScores,
  kSlopes,
  kRows,
  kRowSums,
  kTurns
};
// At least n elements of this thread's, which stay allocated; what they held is lost when it grows.
template <class T, Scratch use>
T* thread_scratch(std::int64_t n) {
  thread_local std::int64_t room = 0;
  thread_local AlignedMemory<T> memory;
  if (n > room) {
    memory.reset(static_cast<T*>(allocate_zeroed(static_cast<std::size_t>(n) * sizeof(T))));
    room = n;
  }
  return memory.get();
}

// The larger (smaller) of two; a NaN on either side is never lost.
template <class T>
T larger(T a, T b) {
  return a >= b || a != a ? a : b;
}
template <class T>
T smaller(T a, T b) {
  return a <= b || a != a ? a : b;
}

// body(row) for every row in [0, rows); `work` is about how many elements a row costs.
template <class Body>
void for_rows(std::int64_t rows, std::int64_t work, ThreadTeam& team, Body&& body) {
  const std::int64_t grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, work));
  team.for_range(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) body(row);
  });
}

}  // namespace hardy::ops
