// The first bytes of an HDF5 file: where they are, and why HDF5's library may not be able to open it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace hardy::datasets {

// Where HDF5's signature is: at 0, or at 512, 1024, 2048, ... behind a user block (MATLAB's files have one of
// 512 bytes). Nothing where the file has none.
std::optional<std::uint64_t> find_hdf5_signature(const std::filesystem::path& path);

// Refuses a file that a program holds locked, that its last writer did not close (HDF5's flags say so), or
// that is shorter than its own header says. `at` is the signature's place. Damage that is not seen here is
// found later.
void require_closed_and_whole(const std::filesystem::path& path, std::uint64_t at, std::uint64_t file_bytes);

}  // namespace hardy::datasets
