// SIGINT and SIGTERM as a flag that a training loop polls between two steps, to write its checkpoint
// and leave. The handlers do nothing else.
#pragma once

#include <csignal>

namespace hardy::run {

class StopSignals {
 public:
  StopSignals();   // takes the two signals over; clears the flag
  ~StopSignals();  // gives them back
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  static bool stop_requested() { return signal_number() != 0; }
  static int signal_number();  // the signal that asked, or 0

 private:
  struct sigaction before_int_, before_term_;
};

}  // namespace hardy::run
