// Who looks at long work from outside: the library prints nothing and takes no signal, it calls an Observer
// and polls a StopToken. A subclass overrides what it wants to hear; an Observer itself hears nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "engine/base/stop.h"
#include "engine/run/metrics.h"

namespace hardy::run {

// Numbers to show beside the progress, the one that people wait for first.
using KeyFigures = std::span<const std::pair<std::string, double>>;

// Calls come from one thread at a time, that of the work, which waits for them: they should be short. What
// one throws ends the work.
class Observer {
 public:
  virtual ~Observer() = default;

  // The work begins at step `first` of `total`; first > 0: it goes on from a checkpoint.
  virtual void began(const std::string& /*title*/, std::int64_t /*total*/, std::int64_t /*first*/) {}
  // Asked after every step; true: progress() follows, for which figures are gathered.
  virtual bool wants_progress(std::int64_t /*done*/) { return false; }
  virtual void progress(std::int64_t /*done*/, KeyFigures /*figures*/) {}
  // What has just been written to the run's metrics.
  virtual void metrics(const MetricsRecord& /*record*/) {}
  // Something that people should know and that changes nothing: a damaged checkpoint that was passed over.
  virtual void note(const std::string& /*text*/) {}
  // One agent goes on no more, and why.
  virtual void agent_stopped(std::int64_t /*agent*/, const std::string& /*reason*/) {}
  // The work ended before its last step, as its stop token asked; all that it keeps is written.
  virtual void stopped(std::int64_t /*done*/) {}

  static Observer& silent();
};

// What comes into long work from outside.
struct Watch {
  StopToken stop = {};
  Observer* observer = &Observer::silent();
};

}  // namespace hardy::run
