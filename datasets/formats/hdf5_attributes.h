// HDF5's attributes, read so that they can be written again as they were: any type and shape whose values are
// their bytes, and text of any kind. An attribute's `stored` (datasets/attributes.h) is
//   {"type": its name, "code": its encoding, "space": "null" | "scalar" | "simple", "shape": [...],
//    "data": bytes | "texts": [bytes or null, ...] of text of variable length}
#pragma once

#include <string>

#include "datasets/attributes.h"
#include "datasets/formats/hdf5_handle.h"
#include "engine/base/json.h"

namespace hardy::datasets {

// All attributes of an open object: [{"name", "value", "stored"}]; where one cannot be kept `stored` is null
// and "problem" says why. May crash on a damaged file: for the child process (datasets/formats/hdf5_walk.h).
nlohmann::json read_hdf5_attributes(hid_t object);

// Gives an open object an attribute: as stored, else by its value: numbers become int64, uint64 or float64,
// truth values NumPy's enumeration, text UTF-8 of variable length, null an empty space, what else there is
// JSON text. False where HDF5 refuses, as it does above 64 KiB.
bool write_hdf5_attribute(hid_t object, const Attribute& attribute);

}  // namespace hardy::datasets
