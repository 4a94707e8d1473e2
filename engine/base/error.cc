#include "engine/base/error.h"

#include <utility>

namespace hardy {
namespace {

std::string line(const std::string& what, const std::string& where, const std::string& fix) {
  const std::string placed = where.empty() ? what : where + ": " + what;
  return fix.empty() ? placed : placed + "; " + fix;
}

}  // namespace

Error::Error(std::string what, std::string where, std::string fix, Kind kind)
    : std::runtime_error(line(what, where, fix)),
      what_(std::move(what)),
      where_(std::move(where)),
      fix_(std::move(fix)),
      kind_(kind) {}

Error::~Error() = default;

Error Error::failed_run(std::string what, std::string where, std::string fix) {
  return Error(std::move(what), std::move(where), std::move(fix), Kind::kFailedRun);
}

}  // namespace hardy
