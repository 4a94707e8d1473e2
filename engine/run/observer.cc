#include "engine/run/observer.h"

namespace hardy::run {

Observer& Observer::silent() {
  static Observer hears_nothing;
  return hears_nothing;
}

}  // namespace hardy::run
