// Comparisons and conversions.
#include <algorithm>
#include <cmath>

#include "cuda/emulation/device/tensor_cores.h"
#include "cuda/emulation/ptx/arithmetic.h"
#include "cuda/emulation/ptx/float_bits.h"

namespace hardy::emulation::ptx {

bool compare(const Instruction& i, std::uint64_t a, std::uint64_t b) {
  const std::string& how = i.modifiers[0];
  const auto decide = [&](auto x, auto y, const std::string& name) {
    if (name == "eq") return x == y;
    if (name == "ne") return x != y;
    if (name == "lt" || name == "lo") return x < y;
    if (name == "le" || name == "ls") return x <= y;
    if (name == "gt" || name == "hi") return x > y;
    if (name == "ge" || name == "hs") return x >= y;
    uncovered(i);
  };
  if (i.type.kind == Kind::kFloat) {
    double x = i.type.bits == 32 ? static_cast<double>(as<float>(a)) : as<double>(a);
    double y = i.type.bits == 32 ? static_cast<double>(as<float>(b)) : as<double>(b);
    if (i.flush) {
      x = static_cast<double>(flushed(static_cast<float>(x)));
      y = static_cast<double>(flushed(static_cast<float>(y)));
    }
    const bool unordered = std::isnan(x) || std::isnan(y);
    if (how == "num") return !unordered;
    if (how == "nan") return unordered;
    const bool accepts_nan = how.size() == 3;  // ltu, geu, ...
    if (unordered) return accepts_nan;
    return decide(x, y, how.substr(0, 2));
  }
  const int n = i.type.bits;
  if (i.type.kind == Kind::kSigned) return decide(extend_sign(a, n), extend_sign(b, n), how);
  return decide(a & ones(n), b & ones(n), how);
}

std::uint64_t convert(const Instruction& i, std::uint64_t value) {
  const Type to = i.type, from = i.from;
  const Rounding rounding(i.rounding);
  if (from.kind != Kind::kFloat) {
    const std::int64_t s = extend_sign(value, from.bits);
    const std::uint64_t u = value & ones(from.bits);
    const bool is_signed = from.kind == Kind::kSigned;
    if (to.kind != Kind::kFloat) return widened(to, is_signed ? static_cast<std::uint64_t>(s) : u);
    volatile std::int64_t vs = s;
    volatile std::uint64_t vu = u;
    if (to.bits == 32) return bits_of(is_signed ? static_cast<float>(vs) : static_cast<float>(vu));
    return bits_of(is_signed ? static_cast<double>(vs) : static_cast<double>(vu));
  }
  if (from.bits == 16 || to.bits == 16) uncovered(i);
  if (i.has("tf32")) {
    if (!i.has("rna") || i.saturate || i.modifiers.size() != 3) uncovered(i);
    return bits_of(to_tf32(as<float>(value)));
  }
  double x = from.bits == 32 ? static_cast<double>(as<float>(value)) : as<double>(value);
  if (i.flush && from.bits == 32) x = static_cast<double>(flushed(static_cast<float>(x)));
  if (i.has("rni")) x = std::nearbyint(x);
  if (i.has("rzi")) x = std::trunc(x);
  if (i.has("rmi")) x = std::floor(x);
  if (i.has("rpi")) x = std::ceil(x);
  if (to.kind == Kind::kFloat) {
    if (i.saturate) x = x > 0 ? std::min(x, 1.0) : 0.0;
    volatile double source = x;
    return to.bits == 32 ? bits_of(static_cast<float>(source)) : bits_of(x);
  }
  if (std::isnan(x)) return 0;
  const bool is_signed = to.kind == Kind::kSigned;  // out of range: the nearest that there is
  const double least = is_signed ? -std::ldexp(1, to.bits - 1) : 0,
               beyond = std::ldexp(1, is_signed ? to.bits - 1 : to.bits);
  if (x <= least) return widened(to, is_signed ? std::uint64_t{1} << (to.bits - 1) : 0);
  if (x >= beyond) return is_signed ? ones(to.bits - 1) : ones(to.bits);
  return is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(x)) : static_cast<std::uint64_t>(x);
}

}  // namespace hardy::emulation::ptx
