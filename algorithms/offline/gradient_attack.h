// Adversarial corruption of a dataset: perturbations within a box that make a critic's value small.
//
//   observations   min over delta of mean_k Q_k(s + delta std, a)
//   actions        min over delta of mean_k Q_k(s, a + delta std)
//   dynamics       min over delta of mean_k Q_k(s' + delta std, pi(s' + delta std)),   delta in [-scale,
//   scale]
//
// An attacker that knows the cleaning (evade) keeps to perturbations whose transitions look like the clean
// file's to the models of `hardy data repair --models` (evasion.h): delta begins at 0; where the limit is
// passed, a step goes back to it along the residual's gradient, (r^2 - limit) g / |g|^2 (Polyak 1967's
// switching subgradients), else down the critic; the lowest value among those within the limit is kept.
//
// Noise is added to what is in the file. The critic sees observations and actions as it was trained:
// normalised and scaled from the bounds, where its run did so.
//
// After RIQL's released attack code (Yang et al., ICLR 2024): delta begins uniform in the box and takes steps
// of step_size scale against the sign of the gradient. Where that code departs from what it documents, this
// follows the document; docs/corruption.md lists each difference.
#pragma once

#include <memory>

#include "algorithms/offline/evasion.h"
#include "algorithms/offline/victim.h"
#include "datasets/corruption/corrupt.h"
#include "engine/base/stop.h"
#include "engine/base/threads.h"

namespace hardy::algorithms {

struct GradientAttackSettings {
  std::int64_t agent = 0, iterations = 100, threads = 0;  // threads 0: the machine's
  double step_size = 0.01;
};

class GradientAttack final : public datasets::Adversary {
 public:
  // stop: polled before every pass over the critic; attack() and values() then throw Stopped.
  GradientAttack(const std::filesystem::path& victim, const GradientAttackSettings& settings,
                 StopToken stop = {});
  ~GradientAttack() override;

  // Refuses a dataset of other sizes than the critic's, before any work.
  void require_sizes(std::int64_t observations, std::int64_t actions) const;
  // From now on rows are attacked within what the models of this file, the clean one, allow. Only of elements
  // that transitions show: not of rewards, which have no gradient.
  void evade(datasets::Reader& clean, const EvasionSettings& settings, std::uint64_t seed);

  // Each row keeps the lowest value seen on its way. Errors: rows of other sizes than the critic's, a value
  // that is not finite.
  void attack(datasets::Element element, const datasets::AttackedRows& rows, std::span<const double> std,
              double scale, std::uint64_t seed, std::span<float> delta) override;
  nlohmann::json describe() const override;

  // mean_k Q_k at a perturbation, row by row: what attack() lowers.
  std::vector<float> values(datasets::Element element, const datasets::AttackedRows& rows,
                            std::span<const double> std, std::span<const float> delta);
  // r^2 there, of an attacker that evades.
  std::vector<float> residuals(datasets::Element element, const datasets::AttackedRows& rows,
                               std::span<const double> std, std::span<const float> delta);
  const Evasion* evasion() const { return evasion_.get(); }

 private:
  struct Problem;  // one element's graph, ready to run
  Problem& problem(datasets::Element element);
  void pass(Problem& problem);  // of its graph; Stopped where that was asked for
  // `which` [rows] of all rows at a perturbation.
  std::vector<float> evaluated(datasets::Element element, const datasets::AttackedRows& rows,
                               std::span<const double> std, std::span<const float> delta, bool residual);

  Victim victim_;
  GradientAttackSettings settings_;
  ThreadTeam team_;
  StopToken stop_;
  std::unique_ptr<Evasion> evasion_;
  EvasionSettings evasion_settings_;
  std::unique_ptr<Problem> problems_[4];
};

}  // namespace hardy::algorithms
