#include "engine/run/build.h"

#include "engine/base/json.h"
#include "hardy_build.h"

namespace hardy::run {

nlohmann::json build_info() {
  return {{"version", HARDY_VERSION}, {"source", HARDY_SOURCE_VERSION}, {"compiler", HARDY_COMPILER},
          {"type", HARDY_BUILD_TYPE}, {"arch", HARDY_BUILD_ARCH},       {"sanitizers", HARDY_SANITIZERS}};
}

}  // namespace hardy::run
