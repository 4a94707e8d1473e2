#include "engine/base/version.h"

#include "hardy_build.h"

namespace hardy {

std::string version() { return HARDY_VERSION; }

}  // namespace hardy
