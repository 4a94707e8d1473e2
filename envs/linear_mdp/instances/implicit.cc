// Linear MDPs with as many states as one likes: d latent laws, law i uniform over `states` states (those with
// s mod d = i), so that P_h(s'|s,a) = x_h(s,a)_{s' mod d} / states with x drawn in the simplex by a hash of
// (seed, h, s).
//
//   implicit_simplex  phi = x, losses phi . nu with nu in [0,1]^d
//   implicit_mirror   phi = (arm, x) / sqrt 2 with the mirror arms (mirror.cc): losses half the arm's, half
//   x's own
#include "envs/linear_mdp/implicit.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/error.h"
#include "envs/linear_mdp/instances/draw.h"

namespace hardy::envs {
namespace {

constexpr double kArms[3][2] = {{0.3, 0.0}, {0.6, 0.8}, {0.6, -0.8}};
constexpr int kMostLaws = 64;
constexpr std::int64_t kMostStates = std::int64_t{1} << 48;  // of a law: u has 53 bits

struct Shape {
  std::uint64_t seed = 0;
  int H = 1, A = 1, laws = 1;
  std::int64_t states = 1;  // of a law
  bool mirror = false;
  int d() const { return laws + (mirror ? 2 : 0); }
};

class Implicit final : public SimulatedGame {
 public:
  Implicit(const Shape& shape, const std::string& losses, std::int64_t episodes,
           const std::vector<double>& rows)
      : shape_(shape), one_state_(one_state()) {
    losses_ = make_losses(losses, {one_state_, rows, true, episodes});
    if (losses_->adaptive())
      throw Error("an adaptive adversary cannot be asked for losses out of turn", losses,
                  "choose an oblivious loss process");
    if (!losses_->linear())
      throw Error("losses by state need states that can be listed", losses,
                  "choose a loss process that is linear in the features, or another environment");
    scratch_.resize(static_cast<std::size_t>(loss_size(one_state_, true)));
  }
  int H() const override { return shape_.H; }
  int A() const override { return shape_.A; }
  int d() const override { return shape_.d(); }
  State start(double) const override { return 0; }

  void features(int h, State s, std::span<double> phi) const override {
    SplitMix64 random = numbers(h, s);
    for (int a = 0; a < shape_.A; ++a) {
      double* const to = phi.data() + std::int64_t{a} * d();
      draw_law(random, shape_.laws, 1, to + (shape_.mirror ? 2 : 0));
      if (!shape_.mirror) continue;
      std::copy_n(kArms[a], 2, to);
      for (int i = 0; i < d(); ++i) to[i] *= std::sqrt(0.5);
    }
  }
  double loss(std::int64_t k, int h, State s, int a) const override {
    std::array<double, kMostLaws + 2> phi;
    action_features(h, s, a, phi.data());
    const double* const nu = losses_->losses(k, scratch_.data()) + std::int64_t{h} * d();
    double sum = 0;
    for (int i = 0; i < d(); ++i) sum += phi[static_cast<std::size_t>(i)] * nu[i];
    return sum;
  }

 protected:
  // The law by u, and what is left of u within the law's share is uniform again: the state.
  State next(int h, State s, int a, double u) const override {
    std::array<double, kMostLaws + 2> phi;
    action_features(h, s, a, phi.data());
    const double* const x = phi.data() + (shape_.mirror ? 2 : 0);
    const double scale = shape_.mirror ? std::sqrt(2.0) : 1;
    int law = 0;
    double below = 0;
    while (law + 1 < shape_.laws && u >= below + scale * x[law]) below += scale * x[law++];
    const double rest = std::clamp((u - below) / (scale * x[law]), 0.0, 0x1.fffffffffffffp-1);
    const auto index = static_cast<State>(rest * static_cast<double>(shape_.states));
    return index * static_cast<State>(shape_.laws) + static_cast<State>(law);
  }

 private:
  SplitMix64 numbers(int h, State s) const {
    SplitMix64 mix(shape_.seed ^ (static_cast<std::uint64_t>(h) << 56));
    return SplitMix64(mix.bits() ^ s);
  }
  void action_features(int h, State s, int a, double* to) const {
    thread_local std::vector<double> all;
    all.resize(static_cast<std::size_t>(shape_.A) * static_cast<std::size_t>(d()));
    features(h, s, all);
    std::copy_n(all.data() + std::int64_t{a} * d(), d(), to);
  }
  // What loss processes are made from: the sizes, and whether features lie in the simplex.
  LinearMdp one_state() const {
    LinearMdp m;
    m.name = "implicit";
    m.H = shape_.H, m.S = 1, m.A = shape_.A, m.d = shape_.d();
    m.start = {1};
    m.phi.resize(static_cast<std::size_t>(m.H * m.pairs() * m.d));
    for (int h = 0; h < m.H; ++h) {
      const auto size = static_cast<std::size_t>(m.pairs() * m.d);
      features(h, 0, {m.phi.data() + static_cast<std::size_t>(h) * size, size});
    }
    m.transitions.assign(static_cast<std::size_t>((m.H - 1) * m.pairs()), 1.0);
    m.finish();
    return m;
  }

  const Shape shape_;
  const LinearMdp one_state_;
  std::shared_ptr<const LossProcess> losses_;
  mutable std::vector<double> scratch_;
};

Shape shape_of(Parameters& p) {
  Shape s;
  s.seed = static_cast<std::uint64_t>(p.integer("seed", 1, 0, std::int64_t{1} << 62));
  s.H = static_cast<int>(p.integer("H", 2, 1, 16));
  s.states = p.integer("states", std::int64_t{1} << 40, 1, kMostStates);
  return s;
}

std::unique_ptr<SimulatedGame> make_simplex(Parameters& p, const std::string& losses, std::int64_t episodes) {
  Shape s = shape_of(p);
  s.A = static_cast<int>(p.integer("A", 3, 1, 64));
  s.laws = static_cast<int>(p.integer("d", 4, 1, kMostLaws));
  std::vector<double> rows(static_cast<std::size_t>(p.integer("K", 8, 1, 1000000) * s.H * s.d()));
  SplitMix64 random(s.seed);
  for (double& x : rows) x = random.uniform();
  return std::make_unique<Implicit>(s, losses.empty() ? "cycle" : losses, episodes, rows);
}

std::unique_ptr<SimulatedGame> make_mirror(Parameters& p, const std::string& losses, std::int64_t episodes) {
  Shape s = shape_of(p);
  s.mirror = true;
  s.A = 3;
  s.laws = static_cast<int>(p.integer("m", 3, 1, kMostLaws));
  std::vector<double> own(static_cast<std::size_t>(s.laws)), rows;
  SplitMix64 random(s.seed);
  for (double& u : own) u = random.uniform();
  for (const double sign : {1.0, -1.0})
    for (int h = 0; h < s.H; ++h) {
      for (const double nu : {0.7, sign * 0.25}) rows.push_back(nu * std::sqrt(0.5));
      for (const double u : own) rows.push_back(u * std::sqrt(0.5));
    }
  return std::make_unique<Implicit>(s, losses.empty() ? "switching:period=K/4" : losses, episodes, rows);
}

const RegisterImplicitEnvironment simplex({"implicit_simplex", "as simplex, with d times `states` states",
                                           "seed=1, H=2, A=3, d=4, K=8, states=1099511627776"},
                                          make_simplex);
const RegisterImplicitEnvironment mirror({"implicit_mirror", "mirror arms with m times `states` states",
                                          "seed=1, H=2, m=3, states=1099511627776"},
                                         make_mirror);

}  // namespace
}  // namespace hardy::envs
