#include "algorithms/offline/offline_trainee.h"

#include <algorithm>
#include <utility>

#include "datasets/chosen_rows.h"

namespace hardy::algorithms {

OfflineTrainee::OfflineTrainee(const Method& method, datasets::Transitions transitions,
                               std::vector<std::uint64_t> seeds, std::vector<float> action_low,
                               std::vector<float> action_high, device::Device* device,
                               const DescentDefaults& descent)
    : data_(std::move(transitions)),
      range_(algorithms::value_range(data_, method.discount())),
      choice_(method.choose_rows(data_)),
      rows_(static_cast<std::int32_t>(data_.rows)),
      policy_(method.policy(data_.observation_size, data_.action_size)),
      learner_(std::move(seeds), device, descent) {
  const std::int64_t batch = method.batch_size(), n = data_.rows;
  if (n < batch)
    throw Error("the dataset has " + std::to_string(n) + " transitions, fewer than a batch",
                "--batch-size " + std::to_string(batch), "give a smaller batch, or more data");
  policy_.action_low = std::move(action_low);
  policy_.action_high = std::move(action_high);
  if (const std::string fitted = method.fit_policy(policy_, data_); !fitted.empty())
    choice_ += (choice_.empty() ? "" : "; ") + fitted;
  policy_.bounds().scale(data_.actions);
  policy_.bounds().scale(data_.next_actions);
  if (method.normalises_observations()) {
    const datasets::Normalisation normalisation = datasets::observation_normalisation(
        data_,
        method.normalises_by_medians() ? datasets::Statistics::kMedians : datasets::Statistics::kMoments);
    datasets::normalise_observations(data_, normalisation);
    policy_.observation_mean = normalisation.mean;
    policy_.observation_std = normalisation.std;
  }

  if (method.draws_from() == DrawsFrom::kWindows) {
    windows_ = datasets::windows_of(data_, method.window());
    learner_.build([&](Learner& l) {
      std::optional<WindowSource::Corrected> own;
      if (method.corrects_data()) own = own_columns(l);
      method.build(l, WindowSource(windows_, batch, own));
    });
  } else {
    multiply_trust();
    if (method.return_temperature() > 0)
      imitation_ = datasets::return_weights(data_, method.return_temperature());
    learner_.build([&](Learner& l) {
      method.build(l, TransitionSource(tables(), data_.observation_size, data_.action_size, batch));
    });
  }
  if (method.corrects_data()) fill_own_columns();
}

TransitionTables OfflineTrainee::tables() {
  return {.observations = data_.observations.data(),
          .actions = data_.actions.data(),
          .rewards = data_.rewards.data(),
          .next_observations = data_.next_observations.data(),
          .terminals = data_.terminals.data(),
          .rows = &rows_,
          .capacity = data_.rows,
          .shared = true,
          .next_actions = data_.next_actions.empty() ? nullptr : data_.next_actions.data(),
          .trust = trust_.empty() ? nullptr : trust_.data(),
          .action_trust = action_trust_.empty() ? nullptr : action_trust_.data(),
          .imitation = imitation_.empty() ? nullptr : imitation_.data(),
          .reward_span = reward_span(data_)};
}

WindowSource::Corrected OfflineTrainee::own_columns(Learner& learner) const {
  const auto column = [&](const char* name, const std::vector<float>& x) {
    return learner.network(name, nn::vector(static_cast<std::int64_t>(x.size()), 0), nn::Role::kFrozen);
  };
  return {column("data/actions", windows_.actions), column("data/rewards", windows_.rewards),
          column("data/returns_to_go", windows_.returns_to_go)};
}

void OfflineTrainee::fill_own_columns() {
  learner_.write_parameters([&](nn::ParameterStore& store) {
    for (const auto& [name, column] :
         {std::pair{"data/actions", &windows_.actions}, std::pair{"data/rewards", &windows_.rewards},
          std::pair{"data/returns_to_go", &windows_.returns_to_go}})
      for (std::int64_t a = 0; a < store.agents(); ++a)
        std::ranges::copy(*column, store.agent(store.find(name), a).begin());
  });
}

// The elements of a row are right or wrong each by itself.
void OfflineTrainee::multiply_trust() {
  for (std::size_t i = 0; i < data_.trust.size(); i += 4) {
    const float* p = &data_.trust[i];
    action_trust_.push_back(p[0] * p[1]);
    trust_.push_back(p[0] * p[1] * p[2] * p[3]);
  }
}

void OfflineTrainee::step(ThreadTeam& team) {
  learner_.step(team);
  if (warning_.empty() && range_.gamma > 0 && learner_.steps_done() % kLookAtValues == 0)
    warning_ = beyond(range_, learner_.reports(), learner_.seeds());
}

}  // namespace hardy::algorithms
