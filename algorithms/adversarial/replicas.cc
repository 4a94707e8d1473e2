// The frame of an episode: policies, exact evaluation, one trajectory. What is estimated from it stands in
// estimates.cc.
#include "algorithms/adversarial/replicas.h"

#include <algorithm>

#include "algorithms/adversarial/learner.h"
#include "engine/linalg/dense.h"
#include "engine/linalg/simplex.h"
#include "engine/linalg/small.h"
#include "envs/linear_mdp/exact.h"
#include "envs/linear_mdp/simulator.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kChunk = 512;   // simplex problems that one task solves
constexpr std::int64_t kStates = 128;  // of a large layer that one task takes

}  // namespace

template <int W>
Replicas<W>::Replicas(const RegretConfig& c, std::span<const Lane> lanes, ThreadTeam& t)
    : config(c),
      mdp(*c.instance.mdp),
      team(t),
      H(mdp.H),
      S(mdp.S),
      A(mdp.A),
      d(mdp.d),
      n(mdp.pairs()),
      adaptive(c.instance.losses->adaptive()) {
  large_ = W == 1 && n * d >= kLargeInstance;
  explicit_ = c.covariance.kind == CovarianceChoice::Kind::kMgr;
  members_ = static_cast<std::int64_t>(lanes.size());
  for (Numbers* x : {&C, &pi, &q, &Qhat, &forms, &b, &B}) *x = Numbers(H * n * W);
  u = Numbers(std::int64_t{H} * d * W);
  kernel = Numbers(std::int64_t{H} * d * W);
  inverse_diagonal = Numbers(std::int64_t{H} * d * W);
  sigma = Numbers(std::int64_t{H} * d * d * W);
  to_go = Numbers(std::int64_t{H} * W);
  states.resize(static_cast<std::size_t>(H) * W);
  actions.resize(states.size());
  start_ = mdp.start;
  if (const auto sure = std::ranges::find(start_, 1.0); sure != start_.end())
    certain_start_ = static_cast<int>(sure - start_.begin());
  for (std::size_t s = 1; s < start_.size(); ++s) start_[s] += start_[s - 1];
  for (std::size_t w = 0; w < W; ++w) {
    const Lane& lane = lanes[std::min(w, lanes.size() - 1)];
    eta[w] = lane.steps.eta, gamma[w] = lane.steps.gamma, beta[w] = lane.steps.beta;
    has_bonus_ = has_bonus_ || beta[w] > 0;
    draws[w] = Draws(c.random, lane.seed);
    seeds_[w] = lane.seed;
    if (!adaptive) continue;
    adversaries_[w] = c.instance.losses->fresh();
    sum[w].assign(static_cast<std::size_t>(envs::loss_size(mdp, true)), 0.0);
  }
  make_scratch();
}

template <int W>
void Replicas<W>::make_scratch() {
  rho_ = Numbers(std::int64_t{S} * W);
  mean_ = Numbers(std::int64_t{S} * W);
  ahead_ = Numbers(n * W);
  compensator_ = Numbers(n * W);
  scratch_ = Numbers(linalg::forms_scratch<W>(d));
  weights_ = Numbers(config.covariance.kind == CovarianceChoice::Kind::kEmpirical ? H * n * W : 1);
  if (large_ && config.covariance.kind == CovarianceChoice::Kind::kExact &&
      learner_makers(config.method).covariance)
    moments_ = Numbers(std::int64_t{H} * d * d);
  if (large_) {
    inverses_ = Numbers(H * linalg::inverse_size(d));
    vectors_ = Numbers(2 * linalg::row_width(d));
    extremes_ = Numbers(2 * (H * n / kTablePiece + 1));
  }
  uniforms_ = Numbers(std::int64_t{2} * H * W);
  law_scratch_.resize(static_cast<std::size_t>(S));
  const auto size = static_cast<std::size_t>(envs::loss_size(mdp, config.instance.losses->linear()));
  const std::size_t adversaries = 1 + std::size_t{W - 1} * adaptive;
  loss_scratch_.resize(size * adversaries);
  played_.resize(static_cast<std::size_t>(H) * static_cast<std::size_t>(d));
  if (explicit_) {
    for (int h = 0; h < H; ++h) chains_.emplace_back(d, gamma[0]);
    resampled_ = Numbers(std::int64_t{d} * d);
    product_ = Numbers(std::int64_t{d} * W);
  }
}

template <int W>
void Replicas<W>::begin(std::int64_t k) {
  episode = k;
  const std::size_t adversaries = 1 + std::size_t{W - 1} * adaptive,
                    size = loss_scratch_.size() / adversaries;
  for (std::size_t w = 0; w < W; ++w) {
    if (w > 0 && !adaptive) {
      losses[w] = losses[0];
      continue;
    }
    const envs::LossProcess& process = adaptive ? *adversaries_[w] : *config.instance.losses;
    losses[w] = process.losses(k, loss_scratch_.data() + w * size);
    if (adaptive)
      for (std::size_t i = 0; i < size; ++i) sum[w][i] += losses[w][i];
  }
}

template <int W>
void Replicas<W>::end() {
  if (!adaptive) return;
  for (std::size_t w = 0; w < W; ++w) {
    for (std::size_t i = 0; i < played_.size(); ++i)
      played_[i] = u[static_cast<std::int64_t>(i) * W + static_cast<std::int64_t>(w)];
    adversaries_[w]->played(episode, played_);
  }
}

template <int W>
void Replicas<W>::log_barrier_policies() {
  const std::int64_t groups = std::int64_t{H} * S;
  const auto part = [&](std::int64_t begin, std::int64_t end) {
    linalg::log_barrier({end - begin, A, W, eta.data(), C.at(begin * A * W), pi.at(begin * A * W)});
  };
  if (large_)
    team.for_range(groups, kChunk, part);
  else
    part(0, groups);
}

template <int W>
void Replicas<W>::entropic_policies() {
  const std::int64_t groups = std::int64_t{H} * S;
  const auto part = [&](std::int64_t begin, std::int64_t end) {
    linalg::entropic({end - begin, A, W, eta.data(), C.at(begin * A * W), pi.at(begin * A * W)});
  };
  if (large_)
    team.for_range(groups, kChunk, part);
  else
    part(0, groups);
}

template <int W>
void Replicas<W>::occupancies() {
  occupancies_of(pi, q, u, moments_.size() > 0 ? moments_.at(0) : nullptr);
  add_expected_loss();
}

template <int W>
void Replicas<W>::occupancies_of(const Numbers& policy, Numbers& q_out, Numbers& u_out) {
  occupancies_of(policy, q_out, u_out, nullptr);
}

template <int W>
void Replicas<W>::occupancies_of(const Numbers& policy, Numbers& q_out, Numbers& u_out,
                                 double* second_moments) {
  using linalg::all, linalg::fma, linalg::load, linalg::store;
  const auto for_states = [&](auto&& body) {
    if (large_)
      team.for_range(S, kStates, body);
    else
      body(std::int64_t{0}, std::int64_t{S});
  };
  for (int s = 0; s < S; ++s)
    store<W>(rho_.at(std::int64_t{s} * W), all<W>(mdp.start[static_cast<std::size_t>(s)]));
  for (int h = 0; h < H; ++h) {
    const double* const phi = mdp.layer_features(h);
    double* const here = q_out.at(table(h));
    double* const features = u_out.at(std::int64_t{h} * d * W);
    for_states([&](std::int64_t first, std::int64_t last) {
      for (std::int64_t s = first; s < last; ++s)
        for (std::int64_t p = s * A; p < (s + 1) * A; ++p)
          store<W>(here + p * W, load<W>(rho_.at(s * W)) * load<W>(policy.at(table(h) + p * W)));
    });
    if (large_) {
      linalg::weighted_moments(phi, here, n, d, 0, features,
                               second_moments == nullptr ? nullptr : second_moments + std::int64_t{h} * d * d,
                               team);
    } else {
      for (int i = 0; i < d; ++i) {
        Vec total = all<W>(0.0);
        for (std::int64_t p = 0; p < n; ++p)
          total = fma<W>(all<W>(phi[p * d + i]), load<W>(here + p * W), total);
        store<W>(features + std::int64_t{i} * W, total);
      }
    }
    if (h + 1 == H) break;
    for_states([&](std::int64_t first, std::int64_t last) {
      envs::push_forward<W>(mdp, h, here, features, rho_.at(0), first, last);
    });
  }
}

template <int W>
void Replicas<W>::add_expected_loss() {
  using linalg::all, linalg::fma, linalg::load, linalg::store;
  const bool linear = config.instance.losses->linear();
  const Numbers& weight = linear ? u : q;
  const std::int64_t size = linear ? std::int64_t{H} * d : H * n;
  if (adaptive) {
    for (std::size_t w = 0; w < W; ++w)
      for (std::int64_t i = 0; i < size; ++i)
        learner_loss[w] += weight[i * W + static_cast<std::int64_t>(w)] * losses[w][i];
    return;
  }
  Vec total = all<W>(0.0);
  for (std::int64_t i = 0; i < size; ++i)
    total = fma<W>(all<W>(losses[0][i]), load<W>(weight.at(i * W)), total);
  store<W>(learner_loss.data(), load<W>(learner_loss.data()) + total);
}

template <int W>
int Replicas<W>::draw_start(int w) {
  if (certain_start_ >= 0) return certain_start_;  // costs no random number
  return envs::draw_from(start_.data(), S, draws[static_cast<std::size_t>(w)].next());
}

template <int W>
int Replicas<W>::draw_action_of(const Numbers& policy, int h, int s, int w, double at) const {
  const double* const p = policy.at(table(h) + std::int64_t{s} * A * W + w);
  double reached = 0;
  int a = 0;
  for (; a < A - 1; ++a) {
    reached += p[std::int64_t{a} * W];
    if (at < reached) break;
  }
  return a;
}

template <int W>
double Replicas<W>::loss_at(int h, int s, int a, int w) const {
  const double* const episode_losses = losses[static_cast<std::size_t>(w)];
  if (!config.instance.losses->linear()) return episode_losses[h * n + std::int64_t{s} * A + a];
  const double* const phi = mdp.features(h, s, a);
  double loss = 0;
  for (int i = 0; i < d; ++i) loss += phi[i] * episode_losses[std::int64_t{h} * d + i];
  return loss;
}

template <int W>
void Replicas<W>::play() {
  const auto walk = [&](int w, auto&& next) {
    simulate(w, next, [&](int h, int s, int a) {
      const std::int64_t at = std::int64_t{h} * W + w;
      states[static_cast<std::size_t>(at)] = s;
      actions[static_cast<std::size_t>(at)] = a;
      to_go[at] = loss_at(h, s, a, w);
      lowest_loss = std::min(lowest_loss, to_go[at]);
      highest_loss = std::max(highest_loss, to_go[at]);
    });
  };
  const bool together = W > 1 && !config.random.splitmix && certain_start_ >= 0;
  if (together) philox_uniforms(seeds_, DrawFor::kPlay, episode, H, uniforms_.at(0));
  for (int w = 0; w < W; ++w) {
    if (together) {
      walk(w, [at = uniforms_.at(w)]() mutable {
        const double u01 = *at;
        at += W;
        return u01;
      });
    } else {
      Draws& random = draws[static_cast<std::size_t>(w)];
      random.begin(DrawFor::kPlay, episode);
      walk(w, [&random] { return random.next(); });
    }
  }
  for (int h = H - 1; h-- > 0;)
    for (int w = 0; w < W; ++w) to_go[std::int64_t{h} * W + w] += to_go[std::int64_t{h + 1} * W + w];
}

template class Replicas<1>;
template class Replicas<linalg::kLanes>;

}  // namespace hardy::algorithms
