// What CSV's reader and writer share.
#pragma once

#include <filesystem>
#include <memory>

#include "datasets/store.h"

namespace hardy::datasets {

std::unique_ptr<Writer> create_csv(const std::filesystem::path& path, const WriteSettings& settings);

}  // namespace hardy::datasets
