// The counters behind statistics() (control.h).
#pragma once

#include "cuda/emulation/control.h"

namespace hardy::emulation {

Statistics& counters();

}  // namespace hardy::emulation
