// What an attacked row becomes: one element's attack, applied piece by piece in row order.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "datasets/corruption/corrupt_plan.h"

namespace hardy::datasets {

struct ElementAttack {
  Element element;
  Mode mode;
  double scale;
  std::int64_t delay;
  std::size_t width;                  // elements a row
  std::vector<double> std;            // 0 where a dimension is not touched
  std::vector<std::uint8_t> touched;  // by dimension
  RowSet rows;
  std::function<double()> noise;
  std::vector<double> held = {};  // kStuck: what the sensors last said

  bool needs_std() const {
    return element != Element::kRewards && (mode == Mode::kRandom || mode == Mode::kAdversarial);
  }
  bool needs_adversary() const { return element != Element::kRewards && mode == Mode::kAdversarial; }
  bool draws_noise() const { return mode == Mode::kRandom; }
  std::int64_t history() const { return mode == Mode::kDelayed ? delay : 0; }

  // clean: rows [first - past, first + rows) where past = min(first, history()); out: the piece's rows, equal
  // to the clean ones on entry. delta: an adversary's, for the piece's attacked rows. An Error where the
  // scale takes a value out of float32, which is what learning has.
  void apply(std::int64_t first, std::span<const double> clean, const RowSet& episode_starts,
             std::span<const float> delta, std::span<double> out);

 private:
  void require_float32(std::int64_t row, double clean, double attacked) const;
};

}  // namespace hardy::datasets
