// How parameters begin.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/random.h"

namespace hardy::nn {

struct Initialiser {
  enum class Kind { kFanIn, kFanOut, kOrthogonal, kUniform, kConstant };
  Kind kind = Kind::kFanIn;
  double value = 0;  // gain, bound or constant

  // PyTorch's Linear: W and b ~ U(+-1/sqrt(fan_in)).
  static Initialiser pytorch_linear() { return {Kind::kFanIn, 1}; }
  // U(+-1/sqrt(fan_out)): what kaiming_uniform(a = sqrt 5) gives on a weight stored (in, out), the
  // ensemble critics of RIQL's released code.
  static Initialiser fan_out_uniform() { return {Kind::kFanOut, 1}; }
  static Initialiser orthogonal(double gain) { return {Kind::kOrthogonal, gain}; }
  static Initialiser uniform(double bound) { return {Kind::kUniform, bound}; }
  static Initialiser constant(double value) { return {Kind::kConstant, value}; }
};

// One agent's, one member's tensor: a weight [fan_in, fan_out] or a bias [fan_out].
void initialise(std::span<float> tensor, std::int64_t fan_in, std::int64_t fan_out, const Initialiser& how,
                const Random& draws);

}  // namespace hardy::nn
