// Arrays into one of NumPy's .npz files, stored and not deflated; numpy.load reads it.
#pragma once

#include <filesystem>

#include "datasets/store.h"

namespace hardy::datasets {

// Keys may hold slashes. Whole or not at all. Errors: text, or more than the 4 GB of a plain ZIP archive.
void write_npz(const std::filesystem::path& path, const Arrays& arrays);

}  // namespace hardy::datasets
