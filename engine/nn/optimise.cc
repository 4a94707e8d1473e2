#include "engine/nn/optimise.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/threads.h"

namespace hardy::nn {
namespace {

constexpr std::int64_t kPiece = 8192;

struct Adam {
  float rate_over_bias1, root_bias2, beta1, beta2, epsilon, clip, decay, shrink;
};

void adam(const Adam& c, std::int64_t n, const float* __restrict g, float* __restrict m, float* __restrict v,
          float* __restrict x) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float gradient = g[i] * c.clip + c.decay * x[i];
    m[i] = c.beta1 * m[i] + (1 - c.beta1) * gradient;
    v[i] = c.beta2 * v[i] + (1 - c.beta2) * gradient * gradient;
    x[i] = x[i] * c.shrink - c.rate_over_bias1 * m[i] / (std::sqrt(v[i]) / c.root_bias2 + c.epsilon);
  }
}

void average(float polyak, std::int64_t n, const float* __restrict x, float* __restrict target) {
  const float keep = 1 - polyak;
  for (std::int64_t i = 0; i < n; ++i) target[i] = keep * target[i] + polyak * x[i];
}

double sum_of_squares(const float* g, std::int64_t n) {
  double lanes[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; ++l) lanes[l] += static_cast<double>(g[i + l]) * g[i + l];
  for (int l = 0; i < n; ++i, ++l) lanes[l] += static_cast<double>(g[i]) * g[i];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

}  // namespace

Optimiser::Optimiser(std::vector<Segment> segments, std::vector<GroupSettings> groups)
    : segments_(std::move(segments)), groups_(std::move(groups)), coefficients_(groups_.size()) {
  for (std::size_t s = 0; s < segments_.size(); ++s) {
    const Segment& segment = segments_[s];
    if (segment.group < 0 || static_cast<std::size_t>(segment.group) >= groups_.size())
      throw Error("a segment names a group that does not exist", "optimiser");
    agents_ = std::max(agents_, segment.agents);
    for (std::int64_t a = 0; a < segment.agents; ++a)
      for (std::int64_t at = 0; at < segment.elements_per_agent; at += kPiece)
        pieces_.push_back({s, a, at, std::min(segment.elements_per_agent, at + kPiece)});
  }
  squares_.resize(pieces_.size());
  clip_.assign(groups_.size() * static_cast<std::size_t>(agents_), 1.0f);
}

void Optimiser::scale_by_norm(std::span<const std::uint8_t> active, ThreadTeam& team) {
  team.run(static_cast<std::int64_t>(pieces_.size()), [&](std::int64_t p) {
    const Piece& piece = pieces_[static_cast<std::size_t>(p)];
    const Segment& s = segments_[piece.segment];
    if (groups_[static_cast<std::size_t>(s.group)].max_grad_norm <= 0 ||
        !active[static_cast<std::size_t>(piece.agent)])
      return;
    squares_[static_cast<std::size_t>(p)] = sum_of_squares(
        s.gradient + piece.agent * s.elements_per_agent + piece.begin, piece.end - piece.begin);
  });
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (groups_[g].max_grad_norm <= 0) continue;
    for (std::int64_t a = 0; a < agents_; ++a) {
      double square = 0;  // pieces in their fixed order
      for (std::size_t p = 0; p < pieces_.size(); ++p)
        if (pieces_[p].agent == a && segments_[pieces_[p].segment].group == static_cast<int>(g))
          square += squares_[p];
      const double scale = groups_[g].max_grad_norm / (std::sqrt(square) + 1e-6);
      clip_[g * static_cast<std::size_t>(agents_) + static_cast<std::size_t>(a)] =
          static_cast<float>(std::min(1.0, scale));
    }
  }
}

void Optimiser::update(const Piece& piece) const {
  const Segment& s = segments_[piece.segment];
  const auto group = static_cast<std::size_t>(s.group);
  const GroupSettings& settings = groups_[group];
  const Coefficients& c = coefficients_[group];
  const float clip = clip_[group * static_cast<std::size_t>(agents_) + static_cast<std::size_t>(piece.agent)];
  const std::int64_t at = piece.agent * s.elements_per_agent + piece.begin, n = piece.end - piece.begin;
  const auto decay = static_cast<float>(settings.weight_decay);
  if (settings.rule == GroupSettings::Rule::kSgd) {
    const auto momentum = static_cast<float>(settings.momentum);
    for (std::int64_t i = at; i < at + n; ++i) {
      s.first_moment[i] = momentum * s.first_moment[i] + (s.gradient[i] * clip + decay * s.value[i]);
      s.value[i] -= c.rate * s.first_moment[i];
    }
  } else {
    const bool decoupled = settings.rule == GroupSettings::Rule::kAdamW;
    const Adam adam_c{c.rate / c.bias1,
                      c.root_bias2,
                      static_cast<float>(settings.beta1),
                      static_cast<float>(settings.beta2),
                      static_cast<float>(settings.epsilon),
                      clip,
                      decoupled ? 0.0f : decay,
                      decoupled ? 1 - c.rate * decay : 1.0f};
    adam(adam_c, n, s.gradient + at, s.first_moment + at, s.second_moment + at, s.value + at);
  }
  if (s.target && settings.polyak > 0)
    average(static_cast<float>(settings.polyak), n, s.value + at, s.target + at);
}

void Optimiser::step(std::int64_t t, std::span<const double> learning_rates,
                     std::span<const std::uint8_t> active, ThreadTeam& team) {
  bool clips = false;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    clips = clips || groups_[g].max_grad_norm > 0;
    coefficients_[g] = {
        static_cast<float>(learning_rates[g]),
        static_cast<float>(1 - std::pow(groups_[g].beta1, static_cast<double>(t))),
        static_cast<float>(std::sqrt(1 - std::pow(groups_[g].beta2, static_cast<double>(t))))};
  }
  if (clips) scale_by_norm(active, team);
  team.run(static_cast<std::int64_t>(pieces_.size()), [&](std::int64_t p) {
    const Piece& piece = pieces_[static_cast<std::size_t>(p)];
    if (active[static_cast<std::size_t>(piece.agent)]) update(piece);
  });
}

}  // namespace hardy::nn
