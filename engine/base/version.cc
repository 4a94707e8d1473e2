#include "engine/base/version.h"

#include "hardy_build.h"

namespace hardy {

std::string version() { return HARDY_VERSION; }
std::string source_version() { return HARDY_SOURCE_VERSION; }

}  // namespace hardy
