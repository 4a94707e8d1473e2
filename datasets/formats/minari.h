// What Minari's reader and writer share: where a dataset's files lie, its spaces as JSON text, and what it
// says about its episodes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/store.h"
#include "engine/base/json.h"

namespace hardy::datasets {

// A dataset is a folder ID/data with main_data.hdf5 and metadata.json; people name the folder ID, its
// data, or the HDF5 file itself.
struct MinariPlace {
  std::filesystem::path hdf5, metadata;
};
MinariPlace minari_place(const std::filesystem::path& path);

// metadata.json, an empty object where there is none. Errors: no JSON object; a data format that is not read.
nlohmann::json read_minari_metadata(const MinariPlace& place);

// What Minari's episodes say about themselves beyond their numbers and steps (seeds, options, what
// update_episode_metadata adds) are columns of a row for each episode: metadata/episodes/seed.
inline constexpr std::string_view kEpisodeMetadata = "metadata/episodes/";

// Such columns, from the attributes of every episode's group in the episodes' order; what is not there for
// all of them, or not of one type, becomes a note.
Arrays episode_metadata(const std::vector<nlohmann::json>& episodes, std::vector<std::string>& notes);

// Whether the rows of a column, each of this shape and dtype, are of the space as it stands.
bool is_of_space(const nlohmann::json& space, const std::vector<std::int64_t>& shape,
                 const std::string& dtype);

// Whether a space, or a part of one, is images that Minari keeps as JPEG.
bool has_images(const nlohmann::json& space);

std::unique_ptr<Writer> create_minari(const std::filesystem::path& path, const WriteSettings& settings);

}  // namespace hardy::datasets
