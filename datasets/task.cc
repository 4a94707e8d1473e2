#include "datasets/task.h"

#include <filesystem>
#include <vector>

#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

// What a path calls its dataset.
std::string name_of_place(std::filesystem::path path) {
  path = path.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path.filename() != "main_data.hdf5" && !std::filesystem::is_directory(path))
    return path.filename().string();
  if (path.filename() == "main_data.hdf5") path = path.parent_path();
  if (path.filename() == "data") path = path.parent_path();
  std::filesystem::path name;
  for (int part = 0; part < 3 && path.has_filename(); ++part, path = path.parent_path())
    name = name.empty() ? path.filename() : path.filename() / name;
  return name.generic_string();
}

// What may hold a task's name, the surest first.
std::vector<std::string> names(const Reader& reader) {
  std::vector<std::string> all;
  const json attributes = reader.attributes();
  const auto add = [&](const char* key) {
    if (const auto a = attributes.find(key); a != attributes.end() && a->is_string())
      all.push_back(a->get<std::string>());
  };
  add("dataset_id");
  all.push_back(name_of_place(reader.path()));
  for (const char* key : {"env_id", "env_name", "env"}) add(key);
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
  const json about = reader.attributes();
  const json id = about.value("dataset_id", json()), low = about.value("ref_min_score", json()),
             high = about.value("ref_max_score", json());
  if (low.is_number() && high.is_number() && high.get<double>() > low.get<double>())
    return ReferenceScores{id.is_string() ? id.get<std::string>() : "metadata", low, high};
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
