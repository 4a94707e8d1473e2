// The episodes of a Minari HDF5 file: its groups episode_0, episode_1, ..., each with its arrays.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/formats/hdf5_layout.h"
#include "datasets/formats/minari.h"

namespace hardy::datasets {

struct MinariEpisode {
  std::int64_t number = 0, row = 0, rows = 0;       // its first row among all, and how many it has
  std::map<std::string, const Hdf5Dataset*> parts;  // "observations/achieved_goal", "actions", ...
};

struct MinariEpisodes {
  std::vector<MinariEpisode> all;  // in the order of their numbers; those without steps are none
  std::int64_t rows = 0;
};

// note: of what is not as it should be and does no harm. leave_out: of what no episode needs and is not
// understood. Errors: an array that every episode needs is missing or not understood, a number is missing,
// there are no episodes.
MinariEpisodes minari_episodes(const Hdf5Layout& layout, const MinariPlace& place,
                               const nlohmann::json& metadata, const std::function<void(std::string)>& note,
                               const std::function<void(const Hdf5LeftOut&)>& leave_out);

bool has_minari_episodes(const Hdf5Layout& layout);
// "main_data.hdf5 /episode_3/actions", for messages.
std::string minari_where(const MinariPlace& place, const MinariEpisode& episode, const std::string& key);

}  // namespace hardy::datasets
