// One HDF5 dataset, described with libhdf5 as datasets/formats/hdf5_walk.h hands it over. Part of the walk.
#pragma once

#include <hdf5.h>

#include <string>
#include <vector>

#include "datasets/formats/hdf5_handle.h"
#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::datasets {

// All that "dataset" has but its names. An Error says what of it cannot be read: its type, rank or storage.
nlohmann::json describe_hdf5_dataset(hid_t dataset);

// Reads a whole attribute or dataset as text, through `read(memory type, buffer)`.
template <class Read>
std::vector<std::string> read_hdf5_text(hid_t type, hid_t space, std::size_t n, Read read) {
  std::vector<std::string> texts;
  if (n == 0) return texts;
  if (H5Tis_variable_str(type) > 0) {
    std::vector<char*> pointers(n, nullptr);
    const Hdf5Id memory(H5Tcopy(type), H5Tclose);
    if (read(memory, pointers.data()) < 0) throw Error("cannot be read");
    for (const char* t : pointers) texts.emplace_back(t ? t : "");
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, pointers.data());
    return texts;
  }
  const std::size_t width = H5Tget_size(type);
  std::vector<char> characters(n * width);
  if (read(type, characters.data()) < 0) throw Error("cannot be read");
  for (std::size_t i = 0; i < n; ++i)
    texts.emplace_back(characters.data() + i * width, strnlen(characters.data() + i * width, width));
  return texts;
}

}  // namespace hardy::datasets
