#include "datasets/formats/minari_episodes.h"

#include <algorithm>
#include <string_view>

#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;
using Note = std::function<void(std::string)>;

// The number of "episode_17/...", or -1.
std::int64_t episode_number(const std::string& key, std::string& rest) {
  constexpr std::string_view kPrefix = "episode_";
  const std::size_t slash = key.find('/');
  if (!key.starts_with(kPrefix) || slash == std::string::npos || slash > kPrefix.size() + 15) return -1;
  const std::string digits = key.substr(kPrefix.size(), slash - kPrefix.size());
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return -1;
  rest = key.substr(slash + 1);
  return std::stoll(digits);
}

// Episodes are numbered from 0 without a gap, and metadata says how many there are.
void check_counts(const std::map<std::int64_t, MinariEpisode>& by_number, const MinariEpisodes& episodes,
                  const MinariPlace& place, const json& metadata, const Note& note) {
  const auto found = static_cast<std::int64_t>(by_number.size());
  const json total = metadata.value("total_episodes", json());
  const std::int64_t counted = total.is_number_integer() ? total.get<std::int64_t>() : 0;
  std::int64_t missing = 0;
  while (by_number.contains(missing)) ++missing;
  if (missing < std::max(counted, by_number.rbegin()->first + 1))
    throw Error("has no episode_" + std::to_string(missing) + " (" + std::to_string(found) +
                    " episodes are there" +
                    (counted > 0 ? ", metadata counts " + std::to_string(counted) : std::string()) + ")",
                place.hdf5.string(), "copy the dataset again");
  if (total.is_number_integer() && counted < found)
    note("metadata counts " + std::to_string(counted) + " episodes, all " + std::to_string(found) +
         " in the file are read");
  if (const json steps = metadata.value("total_steps", json());
      steps.is_number_integer() && counted == found && steps != json(episodes.rows))
    note("metadata counts " + steps.dump() + " steps, the episodes have " + std::to_string(episodes.rows));
  if (const auto empty = static_cast<std::int64_t>(by_number.size() - episodes.all.size()); empty > 0)
    note(std::to_string(empty) + " episodes have no steps and are no rows");
}

}  // namespace

std::string minari_where(const MinariPlace& place, const MinariEpisode& episode, const std::string& key) {
  return place.hdf5.string() + " /episode_" + std::to_string(episode.number) + "/" + key;
}

bool has_minari_episodes(const Hdf5Layout& layout) {
  std::string rest;
  return std::ranges::any_of(layout.datasets,
                             [&](const Hdf5Dataset& d) { return episode_number(d.key, rest) >= 0; });
}

MinariEpisodes minari_episodes(const Hdf5Layout& layout, const MinariPlace& place, const json& metadata,
                               const Note& note, const std::function<void(const Hdf5LeftOut&)>& leave_out) {
  std::map<std::int64_t, MinariEpisode> by_number;
  for (const Hdf5Dataset& d : layout.datasets) {
    std::string rest;
    const std::int64_t number = episode_number(d.key, rest);
    if (number < 0)
      note("/" + d.key + " belongs to no episode");
    else
      by_number[number].parts[rest] = &d;
  }
  for (const Hdf5LeftOut& l : layout.left_out) {
    std::string rest;
    // What an episode may need, also a whole episode, is not passed over.
    if (episode_number(l.key + "/", rest) >= 0 && !rest.starts_with("infos/"))
      throw Error(l.problem, place.hdf5.string() + " /" + l.key, l.fix);
    leave_out(l);
  }
  MinariEpisodes episodes;
  for (auto& [number, e] : by_number) {
    e.number = number;
    e.row = episodes.rows;
    for (const char* key : {"rewards", "terminations", "truncations"})
      if (!e.parts.contains(key)) throw Error("is missing", minari_where(place, e, key));
    const Hdf5Dataset& rewards = *e.parts.at("rewards");
    e.rows = rewards.shape.empty() ? 0 : rewards.shape[0];
    episodes.rows += e.rows;
    if (e.rows > 0) episodes.all.push_back(e);
  }
  if (episodes.all.empty()) throw Error("has no episodes with steps", place.hdf5.string());
  check_counts(by_number, episodes, place, metadata, note);
  return episodes;
}

}  // namespace hardy::datasets
