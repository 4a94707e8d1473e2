// An offline method with a dataset to learn from.
#pragma once

#include <memory>

#include "algorithms/experiments/training.h"
#include "algorithms/learning/method.h"
#include "algorithms/learning/transition_source.h"
#include "algorithms/learning/window_source.h"
#include "algorithms/offline/value_range.h"
#include "datasets/transitions.h"
#include "datasets/windows.h"

namespace hardy::algorithms {

class OfflineTrainee final : public Trainee {
 public:
  // The method chooses its rows (Method::choose_rows). Actions are scaled from the bounds into [-1, 1] here,
  // and observations normalised if the method asks for it: networks and losses see both so. The policy
  // stretches its actions back.
  OfflineTrainee(const Method& method, datasets::Transitions transitions, std::vector<std::uint64_t> seeds,
                 std::vector<float> action_low, std::vector<float> action_high,
                 device::Device* device = nullptr, const DescentDefaults& descent = {});

  void step(ThreadTeam& team) override;
  std::int64_t steps_done() const override { return learner_.steps_done(); }
  Learner& learner() override { return learner_; }
  PolicySpec policy() const override { return policy_; }
  std::int64_t rows() const { return rows_; }                  // that the method chose
  const datasets::Transitions& data() const { return data_; }  // as networks see them
  TransitionTables tables();                                   // of data(): they live as long as this
  const std::string& choice() const { return choice_; }        // what it says of them and of its policy
  // What the rewards allow the method's values to be, and whether they left it (looked at now and then).
  const ValueRange& value_range() const { return range_; }
  std::string warning() const override { return warning_; }

 private:
  // Each agent's own actions, rewards and returns to go, where the method corrects them.
  WindowSource::Corrected own_columns(Learner& learner) const;
  void fill_own_columns();
  void multiply_trust();

  static constexpr std::int64_t kLookAtValues = 500;  // steps

  datasets::Transitions data_;
  ValueRange range_;
  std::string choice_;
  datasets::Windows windows_;                // of a method that draws them
  std::vector<float> trust_, action_trust_;  // where the transitions have it
  std::vector<float> imitation_;             // where the method weighs rows by their episodes' returns
  std::int32_t rows_;
  PolicySpec policy_;
  Learner learner_;
  std::string warning_;
};

}  // namespace hardy::algorithms
