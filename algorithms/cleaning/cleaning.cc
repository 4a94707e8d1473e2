#include "algorithms/cleaning/cleaning.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <thread>

#include "algorithms/cleaning/beliefs.h"
#include "algorithms/cleaning/forward_models.h"
#include "datasets/transitions.h"
#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

using datasets::Judgement;
using datasets::RowSet;

constexpr double kRewardOff = 1;  // deviations by which a wrong reward is off at least, as beliefs.cc has it
RegressionSettings regression_settings(const CleaningSettings& s, std::int64_t steps) {
  return {.members = s.members, .hidden = s.hidden, .steps = steps};
}

class Work {
 public:
  Work(datasets::Reader& in, const CleaningSettings& s, const run::Watch& watch)
      : s_(s),
        watch_(watch),
        team_(s.threads > 0 ? static_cast<int>(s.threads)
                            : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))),
        c_(chains_of(in)),
        beliefs_(c_),
        forward_(c_, beliefs_, regression_settings(s, s.steps), static_cast<std::uint64_t>(s.seed)) {
    require_transitions(c_, in.path(), s.without);
  }

  std::map<std::string, Judgement> run() {
    std::vector<float> turns(c_.d, 1.0f);
    std::int64_t rows = forward_.take_first_rows(kLeastTransitions);
    const std::int64_t each = s_.steps / s_.rounds;
    watch_.observer->began("cleaning", s_.rounds * each + (c_.has_rewards ? reward_steps() : 0), 0);
    for (std::int64_t round = 0; round < s_.rounds; ++round) {
      forward_.train(rows, turns, each, team_, watch_, round * each);
      forward_.forecast(forecasts_, team_, watch_.stop);
      beliefs_.weigh(forecasts_, round + 1 < s_.rounds ? 6 : 12, team_);
      rows = forward_.take_whole_rows(kLeastTransitions);
      const Eigen::MatrixXd& L = beliefs_.right().lower();
      for (std::size_t k = 0; k < c_.d; ++k)
        turns[k] = static_cast<float>(std::clamp(2 * L.row(static_cast<Eigen::Index>(k)).norm(), 0.02, 1.0));
    }
    learnt_from_ = rows;
    believe_states();
    believe_actions();
    predict_states();
    std::map<std::string, Judgement> judgements;
    judge_states(judgements);
    judge_actions(judgements);
    if (c_.has_rewards) judge_rewards(judgements);
    return judgements;
  }

  nlohmann::json describe() const {
    return {{"rounds", s_.rounds},
            {"members", s_.members},
            {"hidden", s_.hidden},
            {"steps", s_.steps},
            {"seed", s_.seed},
            {"sure", s_.sure},
            {"rows_learnt_from", learnt_from_},
            {"freedom", beliefs_.right().freedom()},
            {"hard", beliefs_.hard_share()}};
  }

 private:
  std::int64_t reward_steps() const { return std::max<std::int64_t>(1, s_.steps / 2); }

  // --- what is believed in the end

  std::span<float> state(std::int64_t s) {
    return std::span(states_).subspan(static_cast<std::size_t>(s) * c_.d, c_.d);
  }
  std::span<float> action(std::int64_t row) {
    return std::span(actions_).subspan(static_cast<std::size_t>(row) * c_.a, c_.a);
  }

  // Each state as the copy that is most probably right, where that is more probable than that none is.
  void believe_states() {
    const std::size_t n = beliefs_.marks().states.size();
    states_.resize(n * c_.d);
    known_.assign(n, 0);
    from_next_.assign(n, 0);
    const auto look = [&](std::int64_t s, const float* o, const float* x) {
      const auto at = static_cast<std::size_t>(s);
      const std::array<float, 3>& m = beliefs_.marks().states[at];
      const bool differ = beliefs_.copies_differ(s);
      known_[at] = (differ ? m[0] + m[1] + m[2] : m[0]) >= 0.5f;
      const bool second = !o || (differ && m[1] > m[0] + m[2]);
      std::copy_n(second ? x : o, c_.d, state(s).data());
      from_next_[at] = second;
    };
    for (std::int64_t row = 0; row < c_.rows; ++row) {
      const bool begins = c_.begins[static_cast<std::size_t>(row)];
      const std::int64_t s = beliefs_.state_of(row);
      look(s, c_.observation_of(row).data(), c_.has_next && !begins ? c_.next_of(row - 1).data() : nullptr);
      if (c_.has_next && c_.ends[static_cast<std::size_t>(row)]) look(s + 1, nullptr, c_.next_of(row).data());
    }
  }

  // Wrong actions between states that are known: the most probable action a given both,
  //   min |L^{-1} (x_{t+1} - x_t - f(x_t, a))|^2 + |a - what the file says|^2 / Lambda,
  // by Gauss-Newton. One that does not explain the step (what is left of it is further than right rows are by
  // chance: four deviations of a chi square with d degrees of freedom) is none: the models are wrong there,
  // and not the action.
  void believe_actions() {
    constexpr int kIterations = 3;
    actions_ = c_.action;
    solved_.assign(static_cast<std::size_t>(c_.rows), 0);
    std::vector<float> low(c_.a, INFINITY), high(c_.a, -INFINITY);
    std::vector<std::int64_t> rows;
    for (std::int64_t row = 0; row < c_.rows; ++row) {
      if (!c_.is_transition(row)) continue;
      const auto at = static_cast<std::size_t>(row);
      const std::int64_t s = beliefs_.state_of(row);
      const float right = beliefs_.marks().action[at];
      if (!known_[static_cast<std::size_t>(s)] || !known_[static_cast<std::size_t>(s + 1)]) continue;
      if (right < 0.5f) {
        rows.push_back(row);
      } else if (right > 0.9f) {
        for (std::size_t k = 0; k < c_.a; ++k) {
          low[k] = std::min(low[k], c_.action_of(row)[k]);
          high[k] = std::max(high[k], c_.action_of(row)[k]);
        }
      }
    }
    const Eigen::VectorXd precision = beliefs_.action_noise().cwiseInverse();
    const auto d = static_cast<Eigen::Index>(c_.d), a = static_cast<Eigen::Index>(c_.a);
    in_chunks(rows.size(), [&](std::size_t begin, std::size_t n) {
      std::vector<float> x(n * (c_.d + c_.a)), step(n * c_.d), slope(n * c_.d * c_.a);
      std::vector<std::uint8_t> explained(n, 0);
      for (std::size_t i = 0; i < n; ++i) {
        float* to = x.data() + i * (c_.d + c_.a);
        hold(state(beliefs_.state_of(rows[begin + i])), to);
        hold(c_.action_of(rows[begin + i]), to + c_.d);
      }
      for (int iteration = 0;; ++iteration) {
        forward_.evaluate(x, step, slope, team_, watch_.stop);
        for (std::size_t i = 0; i < n; ++i) {
          const std::int64_t row = rows[begin + i], s = beliefs_.state_of(row);
          Eigen::VectorXd e(d), away(a);
          Eigen::MatrixXd J(d, a);
          for (Eigen::Index k = 0; k < d; ++k) {
            const auto at = static_cast<std::size_t>(k);
            e(k) =
                static_cast<double>((state(s + 1)[at] - state(s)[at]) / c_.steps[at] - step[i * c_.d + at]);
            for (Eigen::Index j = 0; j < a; ++j)
              J(k, j) = static_cast<double>(slope[(i * c_.a + static_cast<std::size_t>(j)) * c_.d + at]);
          }
          float* now = x.data() + i * (c_.d + c_.a) + c_.d;
          for (Eigen::Index j = 0; j < a; ++j)
            away(j) = static_cast<double>(now[j] - c_.action_of(row)[static_cast<std::size_t>(j)]);
          const auto L = beliefs_.right().lower().triangularView<Eigen::Lower>();
          L.solveInPlace(e);
          if (iteration == kIterations) {
            explained[i] =
                e.squaredNorm() < static_cast<double>(d) + 4 * std::sqrt(2 * static_cast<double>(d));
            continue;
          }
          L.solveInPlace(J);
          Eigen::MatrixXd M = J.transpose() * J;
          M.diagonal() += precision;
          const Eigen::VectorXd delta = M.llt().solve(J.transpose() * e - precision.cwiseProduct(away));
          for (std::size_t j = 0; j < c_.a; ++j)
            if (low[j] <= high[j])
              now[j] = std::clamp(now[j] + static_cast<float>(delta(static_cast<Eigen::Index>(j))), low[j],
                                  high[j]);
        }
        if (iteration == kIterations) break;
      }
      for (std::size_t i = 0; i < n; ++i) {
        if (!explained[i]) continue;
        std::copy_n(x.data() + i * (c_.d + c_.a) + c_.d, c_.a, action(rows[begin + i]).data());
        solved_[static_cast<std::size_t>(rows[begin + i])] = 1;
      }
    });
  }

  // States of which no copy is right, where the one before is known or predicted: what the models say
  // follows.
  void predict_states() {
    predicted_.assign(known_.size(), 0);
    for (int wave = 0; wave < 4; ++wave) {
      std::vector<std::int64_t> rows;
      for (std::int64_t row = 0; row < c_.rows; ++row) {
        if (!c_.is_transition(row)) continue;
        const auto s = static_cast<std::size_t>(beliefs_.state_of(row));
        if ((known_[s] || predicted_[s]) && !known_[s + 1] && !predicted_[s + 1]) rows.push_back(row);
      }
      if (rows.empty()) return;
      std::vector<std::size_t> done;
      in_chunks(rows.size(), [&](std::size_t begin, std::size_t n) {
        std::vector<float> x(n * (c_.d + c_.a)), step(n * c_.d);
        for (std::size_t i = 0; i < n; ++i) {
          float* to = x.data() + i * (c_.d + c_.a);
          hold(state(beliefs_.state_of(rows[begin + i])), to);
          hold(action(rows[begin + i]), to + c_.d);
        }
        forward_.evaluate(x, step, {}, team_, watch_.stop);
        for (std::size_t i = 0; i < n; ++i) {
          const std::int64_t s = beliefs_.state_of(rows[begin + i]);
          for (std::size_t k = 0; k < c_.d; ++k)
            state(s + 1)[k] = state(s)[k] + c_.steps[k] * step[i * c_.d + k];
          done.push_back(static_cast<std::size_t>(s + 1));
        }
      });
      for (const std::size_t s : done) predicted_[s] = 1;
    }
  }

  // --- judgements, in the file's units

  Judgement empty(std::size_t width) const {
    const auto rows = static_cast<std::size_t>(c_.rows);
    return {std::vector<float>(rows), RowSet(c_.rows), RowSet(c_.rows), std::vector<float>(rows * width)};
  }
  // One element: how probably it is wrong, and what it should be, in units, or as the file has it in another
  // place; nobody knows where both are null.
  void put(Judgement& j, std::int64_t row, float wrong, const float* value, const Units& units,
           const float* other = nullptr) const {
    const auto at = static_cast<std::size_t>(row);
    j.wrong[at] = std::clamp(wrong, 0.0f, 1.0f);
    if (static_cast<double>(wrong) >= s_.sure && (value || other)) {
      j.replaced.add(row);
      for (std::size_t k = 0; k < units.size(); ++k)
        j.values[at * units.size() + k] = other ? other[k] : units.median[k] + units.deviation[k] * value[k];
    } else if (static_cast<double>(wrong) > 1 - s_.sure) {
      j.doubtful.add(row);
    }
  }

  void judge_states(std::map<std::string, Judgement>& js) {
    Judgement observations = empty(c_.d), next = empty(c_.d);
    for (std::int64_t row = 0; row < c_.rows; ++row) {
      const std::int64_t s = beliefs_.state_of(row);
      const auto value = [&](std::int64_t of) -> const float* {
        const auto at = static_cast<std::size_t>(of);
        return known_[at] || predicted_[at] ? state(of).data() : nullptr;
      };
      const auto right = [&](std::int64_t of, int copy) {
        const std::array<float, 3>& m = beliefs_.marks().states[static_cast<std::size_t>(of)];
        if (!beliefs_.copies_differ(of)) return m[0];
        return m[static_cast<std::size_t>(copy)] + m[2];
      };
      const auto row_at = static_cast<std::size_t>(row), state_at = static_cast<std::size_t>(s);
      const float* before =
          known_[state_at] && from_next_[state_at] ? c_.file_next.data() + (row_at - 1) * c_.d : nullptr;
      put(observations, row, 1 - right(s, kObservation), value(s), c_.states, before);
      if (!c_.has_next) continue;
      const float* after = known_[state_at + 1] && !from_next_[state_at + 1]
                               ? c_.file_observations.data() + (row_at + 1) * c_.d
                               : nullptr;
      put(next, row, 1 - right(s + 1, kNext), value(s + 1), c_.states, after);
    }
    js.emplace("observations", std::move(observations));
    if (c_.has_next) js.emplace("next_observations", std::move(next));
  }

  void judge_actions(std::map<std::string, Judgement>& js) {
    Judgement j = empty(c_.a);
    for (std::int64_t row = 0; row < c_.rows; ++row)
      put(j, row, 1 - beliefs_.marks().action[static_cast<std::size_t>(row)],
          solved_[static_cast<std::size_t>(row)] ? action(row).data() : nullptr, c_.actions);
    js.emplace("actions", std::move(j));
  }

  // Rewards against their model, in two groups: rows whose states and action are as the file has them, and
  // those where some were mended. In each, right and wrong ones follow a law of their own.
  void judge_rewards(std::map<std::string, Judgement>& js) {
    const std::size_t width = 2 * c_.d + c_.a;
    Regression model(static_cast<std::int64_t>(width), 1, c_.rows, regression_settings(s_, reward_steps()),
                     static_cast<std::uint64_t>(s_.seed + s_.members));
    const auto input = [&](std::int64_t row, float* to) {
      const std::int64_t s = beliefs_.state_of(row);
      hold(state(s), to);
      hold(action(row), to + c_.d);
      for (std::size_t k = 0; k < c_.d; ++k)
        to[c_.d + c_.a + k] = held((state(s + 1)[k] - state(s)[k]) / c_.steps[k]);
    };
    std::vector<std::int64_t> rows;
    std::vector<std::uint8_t> mended;
    std::int64_t n = 0;
    for (std::int64_t row = 0; row < c_.rows; ++row) {
      if (!c_.is_transition(row)) continue;
      rows.push_back(row);
      mended.push_back(*std::ranges::max_element(beliefs_.marks().whole[static_cast<std::size_t>(row)]) <
                       0.8f);
      if (mended.back()) continue;
      input(row, model.input(n).data());
      model.target(n++)[0] = std::clamp(c_.reward[static_cast<std::size_t>(row)], -50.0f, 50.0f);
    }
    const float turn = 0.3f;
    model.train(std::max<std::int64_t>(n, 1), {&turn, 1}, reward_steps(), team_, watch_,
                s_.rounds * (s_.steps / s_.rounds));
    std::vector<float> y(rows.size());
    in_chunks(rows.size(), [&](std::size_t begin, std::size_t count) {
      std::vector<float> x(count * width);
      for (std::size_t i = 0; i < count; ++i) input(rows[begin + i], x.data() + i * width);
      model.predict(x, std::span(y).subspan(begin, count), {}, team_, watch_.stop);
    });
    Judgement j = empty(1);
    for (const std::uint8_t group : {0, 1}) {
      std::vector<double> e;
      std::vector<std::size_t> members;
      for (std::size_t i = 0; i < rows.size(); ++i)
        if (mended[i] == group) {
          e.push_back(std::clamp(static_cast<double>(c_.reward[static_cast<std::size_t>(rows[i])] - y[i]),
                                 -1e3, 1e3));
          members.push_back(i);
        }
      const std::vector<double> wrong = probably_wrong(e, kRewardOff);
      for (std::size_t i = 0; i < members.size(); ++i)
        put(j, rows[members[i]], static_cast<float>(wrong[i]), &y[members[i]], c_.rewards);
    }
    js.emplace("rewards", std::move(j));
  }

  const CleaningSettings& s_;
  const run::Watch& watch_;
  ThreadTeam team_;
  Chains c_;
  Beliefs beliefs_;
  ForwardModels forward_;
  Forecasts forecasts_;
  std::int64_t learnt_from_ = 0;
  std::vector<float> states_, actions_;
  std::vector<std::uint8_t> known_, from_next_, predicted_, solved_;
};

}  // namespace

std::map<std::string, Judgement> Cleaning::judge(datasets::Reader& in) {
  datasets::check_d4rl(in, datasets::Rewards::kWherePresent);
  Work work(in, settings_, watch_);
  auto judgements = work.run();
  about_ = work.describe();
  return judgements;
}

}  // namespace hardy::algorithms
