// What SIGINT and SIGTERM do. In a training they are a flag that its loop polls between two steps, to write
// its checkpoint and leave; the handler does nothing else. Everywhere else in a program that asked for it
// they remove what is half written, say so and end the process. Either way the exit code is kStoppedBySignal.
#pragma once

#include <csignal>
#include <string>

namespace hardy::run {

// "Try again" by sysexits.h: no failure, and not done.
inline constexpr int kStoppedBySignal = 75;

// From here on, outside of a StopSignals' life, the signals remove the process's Temporaries and exit.
void leave_on_signals();

// A file or folder that must not outlive the process half written. Any number may be there; those beyond a
// few hundred are not removed.
class Temporary {
 public:
  explicit Temporary(const std::string& path);
  ~Temporary();
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

 private:
  int slot_ = -1;
};

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
