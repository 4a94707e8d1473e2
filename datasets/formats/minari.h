// What Minari's reader and writer share: where a dataset's files lie, and its spaces as JSON text.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "datasets/store.h"

namespace hardy::datasets {

// A dataset is a folder ID/data with main_data.hdf5 and metadata.json; people name the folder ID, its
// data, or the HDF5 file itself.
struct MinariPlace {
  std::filesystem::path hdf5, metadata;
};
MinariPlace minari_place(const std::filesystem::path& path);

// Python's JSON, where infinities have names: they become null.
nlohmann::json parse_python_json(std::string text);

// Whether a space, or a part of one, is images that Minari keeps as JPEG.
bool has_images(const nlohmann::json& space);

std::unique_ptr<Writer> create_minari(const std::filesystem::path& path, const WriteSettings& settings);

}  // namespace hardy::datasets
