#include "envs/linear_mdp/losses.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/parameters.h"
#include "engine/base/random.h"
#include "engine/base/text.h"
#include "envs/linear_mdp/plugin_losses.h"

namespace hardy::envs {
namespace {

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

// Rows one after another, each for `period` episodes, and again from the first.
class Rows final : public LossProcess {
 public:
  Rows(std::int64_t size, bool linear, std::vector<double> rows, std::int64_t period)
      : size_(size), period_(period), linear_(linear), rows_(std::move(rows)) {
    number_ = static_cast<std::int64_t>(rows_.size()) / size_;
  }
  bool linear() const override { return linear_; }
  bool bounded() const override { return true; }
  std::span<const double> rows() const override { return rows_; }
  const double* losses(std::int64_t k, double*) const override {
    return rows_.data() + k / period_ % number_ * size_;
  }

 private:
  std::int64_t size_, period_, number_ = 1;
  bool linear_;
  std::vector<double> rows_;
};

class FromFunction final : public LossProcess {
 public:
  FromFunction(std::int64_t size, bool linear, bool bounded,
               std::function<void(std::int64_t, std::span<double>)> fill)
      : size_(count(size)), linear_(linear), bounded_(bounded), fill_(std::move(fill)) {}
  bool linear() const override { return linear_; }
  bool bounded() const override { return bounded_; }
  const double* losses(std::int64_t k, double* scratch) const override {
    fill_(k, {scratch, size_});
    return scratch;
  }

 private:
  std::size_t size_;
  bool linear_, bounded_;
  std::function<void(std::int64_t, std::span<double>)> fill_;
};

// Raises what the learner visits most. With features in the simplex: nu_h,i = .1 + .8 x the running mean of
// E phi_h,i over its largest coordinate. Elsewhere: of the two rows, the one that would have cost the learner
// more so far.
class Adaptive final : public LossProcess {
 public:
  bool bounded() const override { return true; }
  Adaptive(int H, int d, bool simplex, std::vector<double> rows)
      : H_(H), d_(d), simplex_(simplex), rows_(std::move(rows)) {
    visits_.assign(count(std::int64_t{H} * d), 0.0);
  }
  bool adaptive() const override { return true; }
  std::unique_ptr<LossProcess> fresh() const override {
    return std::make_unique<Adaptive>(H_, d_, simplex_, rows_);
  }
  void played(std::int64_t, const PlayedEpisode& episode) override {
    for (std::size_t i = 0; i < visits_.size(); ++i) visits_[i] += episode.features[i];
  }
  const double* losses(std::int64_t, double* scratch) const override {
    if (!simplex_) {
      const std::size_t size = visits_.size();
      double first = 0, second = 0;
      for (std::size_t i = 0; i < size; ++i)
        first += visits_[i] * rows_[i], second += visits_[i] * rows_[size + i];
      return rows_.data() + (first >= second ? 0 : size);
    }
    for (int h = 0; h < H_; ++h) {
      const double* x = visits_.data() + std::int64_t{h} * d_;
      const double largest = *std::max_element(x, x + d_);
      for (int i = 0; i < d_; ++i) scratch[h * d_ + i] = 0.1 + (largest > 0 ? 0.8 * x[i] / largest : 0.4);
    }
    return scratch;
  }

 private:
  int H_, d_;
  bool simplex_;
  std::vector<double> rows_, visits_;
};

// The first two rows of the context, [2][...].
std::vector<double> two_rows(const LossContext& c, const std::string& text) {
  const std::size_t size = count(loss_size(c.mdp, c.linear));
  std::vector<double> rows(c.rows.begin(),
                           c.rows.begin() + static_cast<std::ptrdiff_t>(std::min(c.rows.size(), 2 * size)));
  if (rows.size() == 2 * size) return rows;
  if (c.linear && !c.mdp.simplex_features())
    throw Error("this environment has one row of losses, and its complement is not within [0,1]", text,
                "give it two");
  for (std::size_t i = 0; i < size; ++i) rows.push_back(1 - rows[i]);
  return rows;
}

using Loss = std::shared_ptr<const LossProcess>;
using Make = Loss (*)(Parameters&, const LossContext&);

Loss fixed(Parameters&, const LossContext& c) {
  const std::int64_t size = loss_size(c.mdp, c.linear);
  return std::make_shared<Rows>(size, c.linear, std::vector<double>(c.rows.begin(), c.rows.begin() + size),
                                1);
}

Loss cycle(Parameters&, const LossContext& c) { return cycled_losses(c.mdp, c.linear, c.rows); }

Loss switching(Parameters& p, const LossContext& c) {
  const std::string period = p.word("period", "K/4");
  std::int64_t length = 0;
  if (period.starts_with("K/")) {
    const auto parts = to_integer(period.substr(2));
    if (parts && *parts >= 1) length = std::max<std::int64_t>(1, c.episodes / *parts);
  } else if (const auto given = to_integer(period)) {
    length = *given;
  }
  if (length < 1)
    throw Error("period=" + period + " is no period", p.text(), "give a number of episodes, or K/4");
  return std::make_shared<Rows>(loss_size(c.mdp, c.linear), c.linear, two_rows(c, p.text()), length);
}

// Of the context's own rows, or of 0 and 1: within [0,1] where those are.
Loss bounded_from(const LossContext& c, std::function<void(std::int64_t, std::span<double>)> fill) {
  return std::make_shared<FromFunction>(loss_size(c.mdp, c.linear), c.linear, true, std::move(fill));
}

Loss stochastic(Parameters& p, const LossContext& c) {
  const auto seed = static_cast<std::uint64_t>(p.integer("seed", 1, 0, std::int64_t{1} << 62));
  const auto draws = static_cast<std::uint32_t>(RandomStream::kEnvironment);
  if (c.linear && c.mdp.simplex_features()) {  // noise on nu: the losses stay linear in phi
    const std::vector<double> nu(c.rows.begin(), c.rows.begin() + loss_size(c.mdp, true));
    return bounded_from(c, [=](std::int64_t k, std::span<double> out) {
      const Random random(seed, draws, static_cast<std::uint64_t>(k));
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = random.uniform64(i) < nu[i] ? 1.0 : 0.0;
    });
  }
  const std::vector<double> rows = two_rows(c, p.text());
  return bounded_from(c, [=](std::int64_t k, std::span<double> out) {
    const bool second = Random(seed, draws, static_cast<std::uint64_t>(k)).uniform64(0) >= 0.5;
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(second ? out.size() : 0), out.size(), out.begin());
  });
}

Loss sinusoidal(Parameters& p, const LossContext& c) {
  const double period = p.number("period", 1000, 1, 1e15);
  constexpr double turn = 2 * std::numbers::pi;
  if (c.linear && c.mdp.simplex_features()) {
    const int d = c.mdp.d;
    return bounded_from(c, [=](std::int64_t k, std::span<double> out) {
      for (std::size_t i = 0; i < out.size();
           ++i) {  // coordinate i's own period, d of them up to twice as long
        const double which = static_cast<double>(i % static_cast<std::size_t>(d));
        out[i] = 0.5 + 0.4 * std::sin(turn * static_cast<double>(k) / (period * (1 + which / d)) + which);
      }
    });
  }
  const std::vector<double> rows = two_rows(c, p.text());
  return bounded_from(c, [=](std::int64_t k, std::span<double> out) {
    const double share = 0.5 + 0.5 * std::sin(turn * static_cast<double>(k) / period);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = share * rows[i] + (1 - share) * rows[out.size() + i];
  });
}

Loss adaptive(Parameters& p, const LossContext& c) {
  if (!c.linear) throw Error("the adaptive adversary needs losses that are linear in the features", p.text());
  const bool simplex = c.mdp.simplex_features();
  return std::make_shared<Adaptive>(c.mdp.H, c.mdp.d, simplex,
                                    simplex ? std::vector<double>() : two_rows(c, p.text()));
}

constexpr std::pair<const char*, Make> kProcesses[] = {
    {"fixed", fixed},           {"cycle", cycle},       {"stochastic", stochastic}, {"switching", switching},
    {"sinusoidal", sinusoidal}, {"adaptive", adaptive}, {"plugin", plugin_losses}};

}  // namespace

std::int64_t loss_size(const LinearMdp& mdp, bool linear) {
  return mdp.H * (linear ? std::int64_t{mdp.d} : mdp.pairs());
}

std::vector<std::string> loss_process_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kProcesses) names.emplace_back(name);
  return names;
}

Loss make_losses(const std::string& specification, const LossContext& context) {
  Parameters parameters(specification);
  for (const auto& [name, make] : kProcesses) {
    if (name != parameters.name()) continue;
    Loss made = make(parameters, context);
    parameters.finish();
    return made;
  }
  throw Error("there is no loss process '" + parameters.name() + "'", specification,
              suggestion(parameters.name(), loss_process_names()));
}

Loss losses_from(const LinearMdp& mdp, bool linear,
                 std::function<void(std::int64_t, std::span<double>)> fill) {
  return std::make_shared<FromFunction>(loss_size(mdp, linear), linear, false, std::move(fill));
}

Loss cycled_losses(const LinearMdp& mdp, bool linear, std::vector<double> rows) {
  const std::int64_t size = loss_size(mdp, linear);
  if (rows.empty() || static_cast<std::int64_t>(rows.size()) % size != 0)
    throw Error("the losses hold " + std::to_string(rows.size()) + " numbers", mdp.name,
                "an episode has " + std::to_string(size));
  return std::make_shared<Rows>(size, linear, std::move(rows), 1);
}

namespace {

void loss_table_of(const LinearMdp& mdp, bool linear, const double* episode, std::vector<double>& table) {
  const std::int64_t n = mdp.pairs();
  if (!linear) return table.assign(episode, episode + mdp.H * n);
  table.resize(count(mdp.H * n));
  for (int h = 0; h < mdp.H; ++h)
    for (std::int64_t p = 0; p < n; ++p) {
      const double* x = mdp.layer_features(h) + p * mdp.d;
      double sum = 0;
      for (int i = 0; i < mdp.d; ++i) sum += x[i] * episode[h * mdp.d + i];
      table[count(h * n + p)] = sum;
    }
}

}  // namespace

std::vector<double> loss_table(const LinearMdp& mdp, const LossProcess& losses, const double* episode) {
  std::vector<double> table;
  loss_table_of(mdp, losses.linear(), episode, table);
  return table;
}

namespace {

void check_table(const LinearMdp& mdp, const std::vector<double>& table, const std::string& where) {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (!(table[i] >= -1e-9 && table[i] <= 1 + 1e-9)) {
      const auto at = static_cast<std::int64_t>(i);
      throw Error("the loss at h=" + std::to_string(at / mdp.pairs()) +
                      ", s=" + std::to_string(at % mdp.pairs() / mdp.A) +
                      ", a=" + std::to_string(at % mdp.A) + " is " + to_text(table[i]),
                  mdp.name + ", " + where, "losses lie in [0,1]");
    }
}

}  // namespace

void check_loss_rows(const LinearMdp& mdp, bool linear, std::span<const double> rows) {
  const auto size = count(loss_size(mdp, linear));
  std::vector<double> table;
  for (std::size_t row = 0; row < rows.size() / size; ++row) {
    loss_table_of(mdp, linear, rows.data() + row * size, table);
    check_table(mdp, table, "row " + std::to_string(row) + " of the losses");
  }
}

void check_losses(const LinearMdp& mdp, const LossProcess& losses, std::int64_t episodes) {
  if (const auto rows = losses.rows(); !rows.empty()) return check_loss_rows(mdp, losses.linear(), rows);
  const std::int64_t work = mdp.H * mdp.pairs() * mdp.d;
  const std::int64_t looks =
      losses.adaptive() ? 1 : std::min(episodes, std::clamp<std::int64_t>(100'000'000 / work, 8, 1000));
  std::vector<double> scratch(count(loss_size(mdp, losses.linear())));
  const std::unique_ptr<LossProcess> own = losses.fresh();
  const LossProcess& process = own ? *own : losses;
  for (std::int64_t i = 0; i < looks; ++i) {
    const auto k =
        static_cast<std::int64_t>(static_cast<double>(episodes - 1) *
                                  (looks > 1 ? static_cast<double>(i) / static_cast<double>(looks - 1) : 0));
    check_table(mdp, loss_table(mdp, process, process.losses(k, scratch.data())),
                "episode " + std::to_string(k));
  }
}

}  // namespace hardy::envs
