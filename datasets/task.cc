#include "datasets/task.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

namespace hardy::datasets {
namespace {

using nlohmann::json;

// What may hold a task's name, the surest first.
std::vector<std::string> names(const Reader& reader) {
  std::vector<std::string> all{std::filesystem::path(reader.path()).filename().string()};
  const json attributes = reader.attributes();
  for (const char* key : {"dataset_id", "env_id", "env_name", "env"})
    if (const auto a = attributes.find(key); a != attributes.end() && a->is_string())
      all.push_back(a->get<std::string>());
  return all;
}

int steps_of(const json& place) {
  if (!place.is_object()) return 0;
  const auto found = place.find("max_episode_steps");
  if (found == place.end() || !found->is_number_integer()) return 0;
  const auto steps = found->get<std::int64_t>();
  return steps > 0 && steps <= 1000000000 ? static_cast<int>(steps) : 0;
}

}  // namespace

std::optional<ReferenceScores> reference_scores(const Reader& reader) {
  for (const std::string& name : names(reader))
    if (auto scores = reference_scores(name)) return scores;
  return std::nullopt;
}

TimeLimit time_limit_of(const Reader& reader) {
  const json attributes = reader.attributes();
  json spec = attributes.value("env_spec", json());
  if (spec.is_string()) spec = json::parse(spec.get<std::string>(), nullptr, false);
  for (const json& place : {spec, attributes})
    if (const int steps = steps_of(place)) return {steps, "its metadata's max_episode_steps"};
  for (const std::string& name : names(reader))
    if (const auto steps = task_time_limit(name)) return {*steps, "the task that its name says"};
  return {};
}

}  // namespace hardy::datasets
