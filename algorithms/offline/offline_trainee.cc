#include "algorithms/offline/offline_trainee.h"

#include "engine/ops/gather.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {

OfflineTrainee::OfflineTrainee(const OfflineMethod& method, datasets::Transitions transitions,
                               std::vector<std::uint64_t> seeds, std::vector<float> action_low,
                               std::vector<float> action_high, graph::Device* device)
    : data_(std::move(transitions)),
      rows_(static_cast<std::int32_t>(data_.rows)),
      policy_(method.policy(data_.observation_size, data_.action_size)),
      learner_(std::move(seeds), device) {
  const std::int64_t batch = method.batch_size(), n = data_.rows;
  if (n < batch)
    throw Error("the dataset has " + std::to_string(n) + " transitions, fewer than a batch",
                "--batch-size " + std::to_string(batch), "give a smaller batch, or more data");
  policy_.action_low = std::move(action_low);
  policy_.action_high = std::move(action_high);
  policy_.bounds().scale(data_.actions);
  if (method.normalises_observations()) {
    const datasets::Normalisation normalisation = datasets::observation_normalisation(data_);
    datasets::normalise_observations(data_, normalisation);
    policy_.observation_mean = normalisation.mean;
    policy_.observation_std = normalisation.std;
  }

  Update& update = learner_.update("update");
  Graph& g = update.graph();
  std::vector<std::pair<Tensor, void*>> places;
  const auto table = [&](const char* name, std::vector<float>& values, std::int64_t width) {
    places.emplace_back(g.shared_input(name, DType::kF32, {n, width}), values.data());
    return places.back().first;
  };
  places.emplace_back(g.shared_input("rows", DType::kI32, {1}), &rows_);
  const Tensor index = update.indices(batch, places.back().first, Stream::kBatch);
  const auto rows_of = [&](const char* name, std::vector<float>& values, std::int64_t width) {
    return ops::gather_rows(g, table(name, values, width), index);
  };
  Batch b;
  b.agents = learner_.agents();
  b.rows = batch;
  b.observation_size = data_.observation_size;
  b.action_size = data_.action_size;
  b.observations = rows_of("observations", data_.observations, b.observation_size);
  b.actions = rows_of("actions", data_.actions, b.action_size);
  b.rewards = ops::squeeze(g, rows_of("rewards", data_.rewards, 1), -1);
  b.next_observations = rows_of("next_observations", data_.next_observations, b.observation_size);
  b.terminals = ops::squeeze(g, rows_of("terminals", data_.terminals, 1), -1);
  method.build(learner_, update, b);
  learner_.finish();
  for (const auto& [tensor, memory] : places) learner_.bind(update, tensor, memory);
}

}  // namespace hardy::algorithms
