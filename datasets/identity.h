// What a dataset is told by: the SHA-256 of all that it consists of.
#pragma once

#include <filesystem>
#include <string>

namespace hardy::datasets {

// Of a file: the SHA-256 of its bytes. Of a folder (Minari's): of a line "HASH  NAME" for every file in it
// and in the folders below, HASH the SHA-256 of its bytes, NAME its path from the folder, in the order of the
// names' bytes; links are followed. That is
//   find -L . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
// in the folder, for names without line breaks or backslashes. Lowercase hexadecimal. Errors: what cannot be
// read; a folder that holds no file; links in a circle.
std::string dataset_sha256(const std::filesystem::path& path);
class Reader;
std::string dataset_sha256(const Reader& reader);  // of what it reads; FileChanged (datasets/watched_file.h)

}  // namespace hardy::datasets
