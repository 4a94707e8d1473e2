#include <cstdlib>
#include <string_view>

#include "cuda/emulation/control.h"
#include "cuda/emulation/run/statistics.h"

namespace hardy::emulation {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

long number(const char* name, long otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtol(value, nullptr, 10);
}

Options from_environment() {
  Options o;
  const std::string_view schedule = variable("HARDY_EMULATION_SCHEDULE");
  if (schedule == "forward") o.schedule = Schedule::kForward;
  if (schedule == "reverse") o.schedule = Schedule::kReverse;
  o.seed = static_cast<unsigned>(number("HARDY_EMULATION_SEED", 1));
  o.lazy_streams = variable("HARDY_EMULATION_STREAMS") != "eager";
  o.check = number("HARDY_EMULATION_CHECK", 1) != 0;
  o.abort_on_error = variable("HARDY_EMULATION_ON_ERROR") != "error";
  o.fused_epilogues = number("HARDY_EMULATION_EPILOGUES", 1) != 0;
  o.relu_keeps_nan = number("HARDY_EMULATION_RELU_NAN", 1) != 0;
  o.devices = static_cast<int>(number("HARDY_EMULATION_DEVICES", 1));
  o.memory = static_cast<std::size_t>(number("HARDY_EMULATION_MEMORY", 4096)) << 20;
  o.fail_launch = number("HARDY_EMULATION_FAIL_LAUNCH", -1);
  o.driver = static_cast<int>(number("HARDY_EMULATION_DRIVER", 13000));
  return o;
}

}  // namespace

Options& options() {
  static Options o = from_environment();
  return o;
}

Statistics& counters() {
  static Statistics s;
  return s;
}

const Statistics& statistics() { return counters(); }

}  // namespace hardy::emulation
