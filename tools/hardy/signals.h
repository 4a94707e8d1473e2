// What SIGINT, SIGTERM and SIGHUP do to the command, and SIGUSR1 to one that mpirun started. In a training
// they ask its stop token, and it writes its checkpoint and leaves; everywhere else they remove what is half
// written, say so and end the process. Either way the exit code is kStoppedBySignal.
#pragma once

#include <csignal>

#include "engine/base/stop.h"

namespace hardy::tools {

// "Try again" by sysexits.h: no failure, and not done.
inline constexpr int kStoppedBySignal = 75;

// From here on, outside of a StopSignals' life, the signals remove the process's run::Temporaries and exit.
void leave_on_signals();

// While one lives, the signals request a stop and do nothing else; what nohup ignores stays ignored.
class StopSignals {
 public:
  StopSignals();   // takes the signals over; nothing is requested yet
  ~StopSignals();  // gives them back
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  StopToken token() const;

 private:
  struct sigaction before_[4];
};

}  // namespace hardy::tools
