// Between [-1, 1], in which networks speak of actions, and a task's bounds.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace hardy::algorithms {

struct ActionBounds {
  std::vector<float> low, high;  // one pair a dimension, low < high
  std::string source;            // "hopper", "the file's action_space": for messages

  std::size_t size() const { return low.size(); }
  float centre(std::size_t k) const { return (low[k] + high[k]) * 0.5f; }
  float half(std::size_t k) const { return (high[k] - low[k]) * 0.5f; }
  bool unit() const;  // every pair is [-1, 1], where scaling changes no bit
  // "[-2, 2]", or a pair a dimension.
  std::string text() const;

  // actions [N, size], in place: u = (a - centre) / half. Values outside of the bounds come to lie outside of
  // [-1, 1].
  void scale(std::span<float> actions) const;
  // a = centre + half u of one element.
  float stretched(float u, std::size_t k) const { return centre(k) + half(k) * u; }
  // sum_k log half_k: the density of an action is that of its u times e^-this.
  double log_volume() const;
};

}  // namespace hardy::algorithms
