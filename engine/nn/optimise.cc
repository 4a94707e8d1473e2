#include "engine/nn/optimise.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "engine/base/denormals.h"
#include "engine/base/error.h"
#include "engine/base/threads.h"

namespace hardy::nn {
namespace {

// Elements a task takes: its five streams stay within an L2 cache, and small networks still make tasks
// for several threads.
constexpr std::int64_t kPiece = 8192;

// The loops below are written so that the compiler turns them into vector code without a choice per
// element; every element is computed alike in a vector's body and in its tail.
template <bool kAverage>
void adam_all(const DescentRates r, float clip, std::int64_t n, const float* __restrict g,
              float* __restrict m, float* __restrict v, float* __restrict x, float* __restrict target) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Descended now = adam(r, clip, g[i], x[i], m[i], v[i]);
    m[i] = now.first;
    v[i] = now.second;
    x[i] = now.value;
    if constexpr (kAverage) target[i] = averaged(target[i], now.value, r.polyak);
  }
}

template <bool kMomentum, bool kAverage>
void sgd_all(const DescentRates r, float clip, std::int64_t n, const float* __restrict g, float* __restrict m,
             float* __restrict x, float* __restrict target) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Descended now = sgd(r, clip, g[i], x[i], kMomentum, kMomentum ? m[i] : 0.0f);
    if constexpr (kMomentum) m[i] = now.first;
    x[i] = now.value;
    if constexpr (kAverage) target[i] = averaged(target[i], now.value, r.polyak);
  }
}

void average_all(float polyak, std::int64_t n, const float* __restrict x, float* __restrict target) {
  for (std::int64_t i = 0; i < n; ++i) target[i] = averaged(target[i], x[i], polyak);
}

double sum_of_squares(const float* g, std::int64_t n) {
  double lanes[8] = {};  // a fixed order of summation, whatever the vector width
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; ++l) lanes[l] += static_cast<double>(g[i + l]) * g[i + l];
  for (int l = 0; i < n; ++i, ++l) lanes[l] += static_cast<double>(g[i]) * g[i];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

// The largest bits of a magnitude, as integers, whose order the compiler can choose: not finite from the
// exponent of all ones on.
bool all_finite(const float* g, std::int64_t n) {
  std::uint32_t largest = 0;
  for (std::int64_t i = 0; i < n; ++i)
    largest = std::max(largest, std::bit_cast<std::uint32_t>(g[i]) & 0x7fffffffu);
  return largest < 0x7f800000u;
}

}  // namespace

Optimiser::Optimiser(std::vector<Segment> segments, std::vector<GroupSettings> groups)
    : segments_(std::move(segments)), groups_(std::move(groups)), rates_(groups_.size()) {
  if (!segments_.empty()) agents_ = segments_.front().agents;
  for (std::size_t s = 0; s < segments_.size(); ++s) {
    const Segment& segment = segments_[s];
    const std::string where = "optimiser, tensor " + std::to_string(s);
    if (segment.group < 0 || static_cast<std::size_t>(segment.group) >= groups_.size())
      throw Error("it names group " + std::to_string(segment.group) + ", which does not exist", where);
    if (segment.agents != agents_)
      throw Error(
          "it has " + std::to_string(segment.agents) + " agents, tensor 0 has " + std::to_string(agents_),
          where);
    const GroupSettings& group = groups_[static_cast<std::size_t>(segment.group)];
    const bool stays = group.rule == GroupSettings::Rule::kStay,
               adam = !stays && group.rule != GroupSettings::Rule::kSgd;
    if (!segment.value || (!stays && !segment.gradient) ||
        ((adam || (!stays && group.momentum != 0)) && !segment.first_moment) ||
        (adam && !segment.second_moment) || (stays && !segment.target))
      throw Error("it lacks memory that its group's rule needs", where);
    any_targets_ = any_targets_ || (segment.target && group.polyak > 0);
    for (std::int64_t a = 0; a < segment.agents; ++a)
      for (std::int64_t at = 0; at < segment.elements_per_agent; at += kPiece)
        pieces_.push_back({s, a, at, std::min(segment.elements_per_agent, at + kPiece)});
  }
  for (const GroupSettings& group : groups_) any_clips_ = any_clips_ || group.max_grad_norm > 0;
  squares_.resize(pieces_.size());
  norms_.resize(groups_.size() * static_cast<std::size_t>(agents_));
  clips_.assign(norms_.size(), 1.0f);
  not_finite_.resize(pieces_.size());
  broken_.resize(norms_.size());
}

void Optimiser::check(std::span<const std::uint8_t> active) const {
  if (!segments_.empty() && static_cast<std::int64_t>(active.size()) != agents_)
    throw Error("one flag an agent is needed", "optimiser: " + std::to_string(active.size()) + " flags, " +
                                                   std::to_string(agents_) + " agents");
}

void Optimiser::find_clips(std::span<const std::uint8_t> active, ThreadTeam& team) {
  team.run(static_cast<std::int64_t>(pieces_.size()), [&](std::int64_t p) {
    const Piece& piece = pieces_[static_cast<std::size_t>(p)];
    const Segment& s = segments_[piece.segment];
    const bool wanted = groups_[static_cast<std::size_t>(s.group)].max_grad_norm > 0 &&
                        active[static_cast<std::size_t>(piece.agent)];
    squares_[static_cast<std::size_t>(p)] =
        wanted ? sum_of_squares(s.gradient + piece.agent * s.elements_per_agent + piece.begin,
                                piece.end - piece.begin)
               : 0;
  });
  std::ranges::fill(norms_, 0.0);
  for (std::size_t p = 0; p < pieces_.size(); ++p)  // in their fixed order
    norms_[cell(segments_[pieces_[p].segment].group, pieces_[p].agent)] += squares_[p];
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (groups_[g].max_grad_norm <= 0) continue;
    for (std::int64_t a = 0; a < agents_; ++a) {
      const std::size_t at = cell(static_cast<int>(g), a);
      clips_[at] = clip_factor(groups_[g].max_grad_norm, norms_[at]);
    }
  }
}

std::span<const std::uint8_t> Optimiser::broken_gradients(std::span<const std::uint8_t> active,
                                                          ThreadTeam& team) {
  check(active);
  team.run(static_cast<std::int64_t>(pieces_.size()), [&](std::int64_t p) {
    const Piece& piece = pieces_[static_cast<std::size_t>(p)];
    const Segment& s = segments_[piece.segment];
    not_finite_[static_cast<std::size_t>(p)] =
        s.gradient && active[static_cast<std::size_t>(piece.agent)] &&
        !all_finite(s.gradient + piece.agent * s.elements_per_agent + piece.begin, piece.end - piece.begin);
  });
  std::ranges::fill(broken_, std::uint8_t{0});
  for (std::size_t p = 0; p < pieces_.size(); ++p)
    broken_[cell(segments_[pieces_[p].segment].group, pieces_[p].agent)] |= not_finite_[p];
  return broken_;
}

void Optimiser::update(const Piece& piece) const {
  const Segment& s = segments_[piece.segment];
  const auto group = static_cast<std::size_t>(s.group);
  const GroupSettings& settings = groups_[group];
  const DescentRates& rates = rates_[group];
  const float clip = clips_[cell(s.group, piece.agent)];
  const std::int64_t at = piece.agent * s.elements_per_agent + piece.begin, n = piece.end - piece.begin;
  const bool averages = s.target && settings.polyak > 0 && settings.average_in_step;
  float* target = averages ? s.target + at : nullptr;

  if (settings.rule == GroupSettings::Rule::kStay) {
    if (averages) average_all(rates.polyak, n, s.value + at, target);
    return;
  }
  if (settings.rule == GroupSettings::Rule::kSgd) {
    const bool momentum = settings.momentum != 0;
    const auto rule = momentum ? (averages ? sgd_all<true, true> : sgd_all<true, false>)
                               : (averages ? sgd_all<false, true> : sgd_all<false, false>);
    rule(rates, clip, n, s.gradient + at, momentum ? s.first_moment + at : nullptr, s.value + at, target);
    return;
  }
  (averages ? adam_all<true> : adam_all<false>)(rates, clip, n, s.gradient + at, s.first_moment + at,
                                                s.second_moment + at, s.value + at, target);
}

void Optimiser::step(std::int64_t t, std::span<const double> learning_rates,
                     std::span<const std::uint8_t> active, ThreadTeam& team) {
  check(active);
  if (learning_rates.size() != groups_.size())
    throw Error("one learning rate a group is needed", "optimiser: " + std::to_string(learning_rates.size()) +
                                                           " rates, " + std::to_string(groups_.size()) +
                                                           " groups");
  if (t < 1) throw Error("steps count from 1", "optimiser: step " + std::to_string(t));
  for (std::size_t g = 0; g < groups_.size(); ++g)
    rates_[g] = descent_rates(groups_[g], learning_rates[g], static_cast<double>(t));
  if (any_clips_) find_clips(active, team);
  team.run(static_cast<std::int64_t>(pieces_.size()), [&](std::int64_t p) {
    const Piece& piece = pieces_[static_cast<std::size_t>(p)];
    if (!active[static_cast<std::size_t>(piece.agent)]) return;
    const DenormalsAreZero flush;  // a silent unit's moments shrink for ever
    update(piece);
  });
}

void Optimiser::average(ThreadTeam& team, std::span<const std::uint8_t> active) const {
  check(active);
  if (!any_targets_) return;
  team.run(static_cast<std::int64_t>(pieces_.size()), [&](std::int64_t p) {
    const Piece& piece = pieces_[static_cast<std::size_t>(p)];
    const Segment& s = segments_[piece.segment];
    const double polyak = groups_[static_cast<std::size_t>(s.group)].polyak;
    if (!active[static_cast<std::size_t>(piece.agent)] || !s.target || polyak <= 0) return;
    const std::int64_t at = piece.agent * s.elements_per_agent + piece.begin;
    average_all(static_cast<float>(polyak), piece.end - piece.begin, s.value + at, s.target + at);
  });
}

}  // namespace hardy::nn
