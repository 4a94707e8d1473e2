#pragma once

#include <string>

namespace hardy::datasets {

std::string hdf5_library();  // "1.10.8", of the HDF5 that reads and writes here

}  // namespace hardy::datasets
