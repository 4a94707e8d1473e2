// hardy/hardy.h: recording a dataset.
#include <cmath>
#include <cstddef>
#include <memory>

#include "datasets/formats/growing_hdf5.h"
#include "tools/api/guard.h"

namespace hardy::api {
namespace {

using datasets::ArrayType;

// Steps of an episode that has not ended.
struct Episode {
  std::vector<float> observations, next_observations, actions, rewards, log_probs;
  std::vector<std::int64_t> choices;
  std::vector<std::uint8_t> terminals, timeouts;
};

hardy_recorder_options checked(const hardy_recorder_options* given) {
  constexpr std::size_t kOldest = offsetof(hardy_recorder_options, environment) + sizeof(const char*);
  hardy_recorder_options o = taken(given, kOldest, "hardy_recorder_options");
  const auto within = [](const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high)
      throw Error("is " + std::to_string(value), name,
                  "give " + std::to_string(low) + " to " + std::to_string(high));
  };
  if (o.instances == 0) o.instances = 1;
  if (o.flush_episodes == 0) o.flush_episodes = 16;
  within("action_choices", o.action_choices, 0, 1 << 24);
  if (o.action_choices > 0 && o.action_size == 0) o.action_size = 1;
  within("observation_size", o.observation_size, 1, 1 << 24);
  within("action_size", o.action_size, 1, o.action_choices > 0 ? 1 : 1 << 24);
  within("instances", o.instances, 1, 1 << 20);
  within("flush_episodes", o.flush_episodes, 1, 1 << 30);
  return o;
}

std::vector<datasets::Column> columns_of(const hardy_recorder_options& o) {
  std::vector<datasets::Column> columns{
      {"observations", ArrayType::kF32, {0, o.observation_size}},
      {"next_observations", ArrayType::kF32, {0, o.observation_size}},
      {"actions", o.action_choices > 0 ? ArrayType::kI64 : ArrayType::kF32, {0, o.action_size}},
      {"rewards", ArrayType::kF32, {0}},
      {"terminals", ArrayType::kBool, {0}},
      {"timeouts", ArrayType::kBool, {0}}};
  if (o.log_probs != 0) columns.push_back({"infos/action_log_probs", ArrayType::kF32, {0}});
  return columns;
}

// A float32 that the file can hold.
float finite(double x, const std::string& what) {
  const auto narrow = static_cast<float>(x);
  if (!std::isfinite(narrow)) throw Error("is not finite in float32", what, "the step is not recorded");
  return narrow;
}

}  // namespace
}  // namespace hardy::api

struct hardy_recorder {
  explicit hardy_recorder(const char* path, const hardy_recorder_options& o)
      : options(o),
        file(path, hardy::api::columns_of(o), o.environment != nullptr ? o.environment : "",
             o.overwrite != 0),
        episodes(static_cast<std::size_t>(o.instances)) {}

  void append(const hardy_step& step);
  void end(hardy::api::Episode& episode);
  void publish() {
    file.publish();
    ended = 0;
  }

  hardy_recorder_options options;
  hardy::datasets::GrowingHdf5 file;
  std::vector<hardy::api::Episode> episodes;
  std::int32_t ended = 0;  // episodes since the last flush
};

void hardy_recorder::append(const hardy_step& s) {
  using hardy::Error;
  using hardy::api::finite;
  using hardy::api::require;
  require(s.observation, "observation");
  require(s.next_observation, "next_observation");
  if (s.instance < 0 || s.instance >= options.instances)
    throw Error("is " + std::to_string(s.instance), "instance",
                "give 0 to " + std::to_string(options.instances - 1));
  if (s.ending < HARDY_GOES_ON || s.ending > HARDY_TRUNCATED)
    throw Error("is " + std::to_string(s.ending), "ending", "give one of hardy_ending");
  // All of it is looked at before any of it is kept.
  const auto width = static_cast<std::size_t>(options.observation_size),
             act = static_cast<std::size_t>(options.action_size);
  for (std::size_t k = 0; k < width; ++k) {
    finite(s.observation[k], "observation[" + std::to_string(k) + "]");
    finite(s.next_observation[k], "next_observation[" + std::to_string(k) + "]");
  }
  const bool chooses = options.action_choices > 0;
  if (chooses) {
    if (s.choice < 0 || s.choice >= options.action_choices)
      throw Error("is " + std::to_string(s.choice), "choice",
                  "give 0 to " + std::to_string(options.action_choices - 1));
  } else {
    require(s.action, "action");
    for (std::size_t k = 0; k < act; ++k)
      finite(static_cast<double>(s.action[k]), "action[" + std::to_string(k) + "]");
  }
  const float reward = finite(s.reward, "reward"),
              log_prob = options.log_probs != 0 ? finite(static_cast<double>(s.log_prob), "log_prob") : 0;

  hardy::api::Episode& e = episodes[static_cast<std::size_t>(s.instance)];
  for (std::size_t k = 0; k < width; ++k) e.observations.push_back(static_cast<float>(s.observation[k]));
  for (std::size_t k = 0; k < width; ++k)
    e.next_observations.push_back(static_cast<float>(s.next_observation[k]));
  if (chooses)
    e.choices.push_back(s.choice);
  else
    e.actions.insert(e.actions.end(), s.action, s.action + act);
  e.rewards.push_back(reward);
  e.terminals.push_back(s.ending == HARDY_TERMINATED);
  e.timeouts.push_back(s.ending == HARDY_TRUNCATED);
  e.log_probs.push_back(log_prob);
  if (s.ending == HARDY_GOES_ON) return;
  end(e);
  if (ended >= options.flush_episodes) publish();
}

void hardy_recorder::end(hardy::api::Episode& e) {
  const auto put = [this](std::size_t column, const auto& x) {
    file.append(column, std::as_bytes(std::span(x)));
  };
  put(0, e.observations);
  put(1, e.next_observations);
  if (options.action_choices > 0)
    put(2, e.choices);
  else
    put(2, e.actions);
  put(3, e.rewards);
  put(4, e.terminals);
  put(5, e.timeouts);
  if (options.log_probs != 0) put(6, e.log_probs);
  e = {};
  ++ended;
}

using hardy::api::guarded;
using hardy::api::require;

int hardy_recorder_open(const char* path, const hardy_recorder_options* options, hardy_recorder** out) {
  if (out != nullptr) *out = nullptr;
  return guarded([&] {
    require(out, "out");
    require(path, "path");
    *out = std::make_unique<hardy_recorder>(path, hardy::api::checked(options)).release();
  });
}

int hardy_recorder_append(hardy_recorder* recorder, const hardy_step* step) {
  return guarded([&] {
    require(recorder, "recorder");
    constexpr std::size_t kOldest = offsetof(hardy_step, log_prob) + sizeof(float);
    recorder->append(hardy::api::taken(step, kOldest, "hardy_step"));
  });
}

int hardy_recorder_flush(hardy_recorder* recorder) {
  return guarded([&] {
    require(recorder, "recorder");
    recorder->publish();
  });
}

int hardy_recorder_close(hardy_recorder* recorder) {
  const std::unique_ptr<hardy_recorder> held(recorder);
  if (!held) return HARDY_OK;
  return guarded([&] {
    for (hardy::api::Episode& e : held->episodes) {
      if (e.rewards.empty()) continue;
      e.timeouts.back() = 1;
      held->end(e);
    }
    held->publish();
  });
}
