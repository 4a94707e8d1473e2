#include "algorithms/cleaning/chains.h"

#include <cmath>

#include "datasets/robust.h"
#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

std::vector<float> whole(datasets::Reader& in, const datasets::Column& column) {
  std::vector<float> values = in.read_floats(column, 0, column.rows());
  const auto width = static_cast<std::size_t>(column.row_elements());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw Error("holds " + std::string(std::isnan(values[i]) ? "a NaN" : "an infinity") + " at row " +
                      std::to_string(i / width),
                  in.where(column),
                  "models learn from finite numbers alone; 'hardy data audit' names the rows");
  return values;
}

void into_units(std::vector<float>& values, const Units& units) {
  const std::size_t width = units.size();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = (values[i] - units.median[i % width]) / units.deviation[i % width];
}

Units units_of(const std::vector<datasets::RobustScale>& scales) {
  Units units;
  for (const datasets::RobustScale& s : scales) {
    units.median.push_back(static_cast<float>(s.median));
    units.deviation.push_back(s.deviation > 0 ? static_cast<float>(s.deviation) : 1.0f);
  }
  return units;
}

}  // namespace

Chains chains_of(datasets::Reader& in) {
  Chains c;
  const datasets::Column& observations = in.column("observations");
  const datasets::Column& actions = in.column("actions");
  if (actions.type != datasets::ArrayType::kF32 && actions.type != datasets::ArrayType::kF64)
    throw Error("is " + actions.describe() + ": choices", in.where(actions),
                "the models are for actions that are numbers");
  c.rows = observations.rows();
  c.d = static_cast<std::size_t>(observations.row_elements());
  c.a = static_cast<std::size_t>(actions.row_elements());
  c.episodes = datasets::find_episodes(in);
  c.begins.resize(static_cast<std::size_t>(c.rows));
  c.ends.resize(static_cast<std::size_t>(c.rows));
  for (const datasets::EpisodeRows& e : c.episodes) {
    c.begins[static_cast<std::size_t>(e.begin)] = 1;
    c.ends[static_cast<std::size_t>(e.end - 1)] = 1;
  }

  const datasets::SampledRows sampled = datasets::sampled_rows(in, c.rows);
  const datasets::Usual usual = datasets::usual_of(in, observations, sampled);
  c.states = units_of(usual.scales);
  for (std::size_t k = 0; k < c.d; ++k) {
    const double step = usual.steps[k] / c.states.deviation[k];
    c.steps.push_back(step > 0 ? static_cast<float>(step) : 1.0f);
  }
  c.actions = units_of(datasets::usual_of(in, actions, sampled).scales);
  c.observations = c.file_observations = whole(in, observations);
  into_units(c.observations, c.states);
  c.action = whole(in, actions);
  into_units(c.action, c.actions);
  if (const datasets::Column* next = in.find("next_observations")) {
    c.has_next = true;
    c.next = c.file_next = whole(in, *next);
    into_units(c.next, c.states);
  }
  if (const datasets::Column* rewards = in.find("rewards")) {
    c.has_rewards = true;
    c.rewards = units_of({datasets::robust_scale(datasets::sample(in, *rewards, sampled)[0], sampled,
                                                 datasets::Excursions::kOfMostEpisodes)});
    c.reward = whole(in, *rewards);
    into_units(c.reward, c.rewards);
  }
  return c;
}

}  // namespace hardy::algorithms
