#include "cuda/emulation/device/tensor_cores.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "cuda/emulation/run/report.h"

namespace hardy::emulation {
namespace {

constexpr unsigned kAllLanes = 0xffffffffu;

std::uint64_t pair(std::uint32_t low, std::uint32_t high) { return std::uint64_t{high} << 32 | low; }

// What lane `lane` brought as its word `index`: a's four, then b's two.
float word(const WarpValues& all, unsigned lane, unsigned index) {
  const std::uint64_t two = index < 2 ? all.value[lane] : all.more[lane][index / 2 - 1];
  return std::bit_cast<float>(static_cast<std::uint32_t>(two >> (index % 2 * 32)) & ~0x1fffu);
}

}  // namespace

float to_tf32(float x) {
  if (std::isnan(x)) return std::bit_cast<float>(0x7fffffffu);
  if (std::isinf(x)) return x;
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) + 0x1000u) & ~0x1fffu);
}

void multiply_matrices(WarpValues& all) {
  float b[8][8];
  for (unsigned k = 0; k < 8; ++k)
    for (unsigned column = 0; column < 8; ++column) b[k][column] = word(all, column * 4 + k % 4, 4 + k / 4);
  for (unsigned row = 0; row < 16; ++row) {
    float sum[8] = {};
    for (unsigned k = 0; k < 8; ++k) {
      const float a = word(all, row % 8 * 4 + k % 4, row / 8 + k / 4 * 2);
      for (unsigned column = 0; column < 8; ++column) sum[column] += a * b[k][column];
    }
    std::copy_n(sum, 8, all.product[row]);
  }
}

void multiply_tf32(const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], const float (&c)[4],
                   float (&d)[4], Site site) {
  const WarpValues& all =
      warp_collect(kAllLanes, {pair(a[0], a[1]), pair(a[2], a[3]), pair(b[0], b[1])}, WarpOp::kMatrix, site);
  if (all.arrived != kAllLanes)
    fail("%s: a matrix product of lanes 0x%08x; it takes all of a warp", place(site).c_str(), all.arrived);
  const unsigned row = lane() / 4, column = lane() % 4 * 2;
  for (unsigned i = 0; i < 4; ++i) d[i] = c[i] + all.product[row + i / 2 * 8][column + i % 2];
}

}  // namespace hardy::emulation
